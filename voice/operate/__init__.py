"""What an operator looks at: recent errors, latency, recordings and replays. The HTTP side is `voice/api/operator.py`."""
