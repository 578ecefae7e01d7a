"""What carriers and servers say to each other on a call's WebSocket, as values: no sockets here. One file a carrier.

Every carrier's file has the same two classes, each for one end of the line:

- `ServerEnd`: `receive(data)` reads what the carrier sent, `send(message)` writes what is meant for it;
- `CarrierEnd`: the mirror, for whoever plays the carrier (tests, `hubbub.voice.client.phone`).

What one end writes the other reads back as the same value. An end keeps what the wire needs (the stream's id, the running
numbers), so one object serves one end of one call.
"""
