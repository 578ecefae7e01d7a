"""The browser app and the JavaScript SDK, as files the server serves."""
