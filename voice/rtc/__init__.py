"""The parts of WebRTC that both ends need: the server's gateway and the Python client.

`sdp`, `rtp` and `jitter` are pure: values in, values out. `opus` speaks to libopus. `track` turns PCM into RTP and back. `ice` and
`transport` are the skin around aiortc's ICE, DTLS and SCTP; only these two need the extra `webrtc`.
"""
