"""Asterisk: calls that come over AudioSocket (TCP) or over its WebSocket channel."""
