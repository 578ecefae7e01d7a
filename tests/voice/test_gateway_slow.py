"""A connection whose far end does not read: what waits for it is bounded, and it is let go with its own close code."""

import asyncio
from typing import Any

from hubbub.voice.door import OPEN, Grant
from hubbub.voice.event import AudioFormat, Error, Joined, Pong
from hubbub.voice.gateway.websocket import MAX_OUTGOING, WebSocketConnection, serve_websocket
from hubbub.voice.protocol import CLOSE_SLOW
from hubbub.voice.session import Session
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.energy import EnergyVAD
from live_house import live_house
from quiet_room import QuietRoom
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect


class OneDoor:
    """Seats one caller."""

    def __init__(self) -> None:
        self.session = Session("Kim", QuietRoom(), vad=EnergyVAD(), policy=TurnPolicy())
        self.left: list[str] = []

    def admit(self, knock: object) -> Grant:
        return OPEN

    async def join(self, room: str, name: str, **_: object) -> Session:
        return self.session

    def resume(self, token: str) -> Session:
        return self.session

    def leave(self, session: Session, reason: str) -> None:
        self.left.append(reason)

    def describe(self, session: Session, audio: AudioFormat) -> Joined:
        return Joined(
            protocol=1, room="quiet", name=session.name, session=session.id, resume_token="t", participants=(), audio=audio
        )


class StuckLine:
    """An ASGI WebSocket: takes `reads` messages and then no more, as a full socket does. `ask` is what the client sends."""

    def __init__(self, reads: int) -> None:
        self.reads = reads
        self.sent: list[dict[str, Any]] = []
        self.ask: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.ask.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> dict[str, Any]:
        return await self.ask.get()

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            if self.reads == 0:
                await asyncio.Event().wait()
            self.reads -= 1
        self.sent.append(message)


async def test_what_waits_is_bounded_and_the_line_is_let_go() -> None:
    line, door = StuckLine(reads=3), OneDoor()
    line.ask.put_nowait({"type": "websocket.receive", "text": '{"type": "join"}'})
    scope = {"type": "websocket", "path": "/api/voice", "headers": [], "query_string": b"", "subprotocols": []}
    serving = asyncio.create_task(serve_websocket(WebSocket(scope, line.receive, line.send), door))
    async with asyncio.timeout(20):
        while door.session.connection is None:
            await asyncio.sleep(0)
        emitted = 0
        while not serving.done():
            door.session.emit(Pong(id=emitted))
            emitted += 1
            await asyncio.sleep(0)
    assert MAX_OUTGOING <= emitted <= MAX_OUTGOING + 20
    assert line.sent[-1] == {"type": "websocket.close", "code": CLOSE_SLOW, "reason": "the client does not read what it is sent"}
    assert door.left == [], "the seat is kept for a while, as for any lost connection"
    assert door.session.connection is None



async def test_on_a_direct_line_too_what_waits_is_bounded_and_the_line_is_let_go() -> None:
    async with live_house() as live, connect(f"{live.url.replace('http', 'ws')}/api/voice", max_queue=1) as socket:
        await socket.send('{"type": "join", "name": "Kim"}')
        await socket.recv()
        (session,) = live.house.sessions.values()
        socket.transport.pause_reading()
        assert isinstance(session.connection, WebSocketConnection) and session.connection.line is not None
        connection = session.connection
        async with asyncio.timeout(30):
            while not connection.over.done():
                session.tell(Error(code="x", message="x" * 60_000))
                await asyncio.sleep(0)
            assert connection.over.result() == "slow"
            while session.connection is not None:
                await asyncio.sleep(0.05)
        assert len(connection._queue) <= MAX_OUTGOING
        assert session.resume_token in live.house.sessions, "the seat is kept for a while"
        socket.transport.abort()
