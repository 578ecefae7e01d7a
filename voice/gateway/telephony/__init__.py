"""The telephone: carriers that stream a call's sound over a WebSocket (Twilio, Telnyx, Plivo, Vonage, Exotel)."""
