"""The WebRTC gateway: one peer is one connection of a session.

`signalling` speaks WHIP over HTTP, `gateway` keeps the peers of the process, `peer` is one of them from its offer to its end, and
`channel` carries the native protocol's JSON. The parts that both ends of a connection need lie in `voice/rtc`.
"""
