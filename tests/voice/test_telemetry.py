"""What an operator counts."""

from hubbub.voice.event import TurnLatency
from hubbub.voice.telemetry import Histogram, Metrics

LATENCY = TurnLatency(
    endpoint_ms=320, asr_ms=8, model_ms=0, sentence_ms=0, tts_ms=1, send_ms=1, play_ms=30, total_ms=360, overlap_ms=240
)


def test_quantiles_are_bucket_bounds():
    histogram = Histogram()
    for value in range(1, 101):
        histogram.observe(value * 10)
    assert histogram.quantile(0.5) == 500
    assert histogram.quantile(0.95) == 1000
    assert histogram.quantile(1.0) == 1000
    histogram.observe(99_999)
    assert histogram.quantile(1.0) == float("inf")


def test_the_text_adds_up():
    metrics = Metrics()
    metrics.turn(LATENCY)
    metrics.turn(LATENCY)
    metrics.counters["speculations_discarded"] += 3
    text = metrics.text(sessions=2)
    assert 'hubbub_turn_latency_ms_bucket{part="total",le="400"} 2' in text
    assert 'hubbub_turn_latency_ms_bucket{part="total",le="300"} 0' in text
    assert 'hubbub_turn_latency_ms_sum{part="endpoint"} 640.0' in text
    assert "hubbub_speculations_discarded_total 3" in text and "hubbub_sessions 2" in text
    assert "hubbub_turns_total 2" in text
    assert 'hubbub_turn_spared_ms_sum{by="overlap"} 480.0' in text
    assert 'hubbub_turn_spared_ms_bucket{by="trimmed",le="10"} 2' in text
