"""A scripted server for the page's tests: serves `web/` and speaks the native protocol, with a tone for a voice.

It decides nothing by itself but the least that a page needs (a typed turn is echoed and answered, `interrupt` cuts); all else
the test orders: `say`, `hold`, `resume`, `clear`, `transcript`, … Every message that the page sends is parsed with
`hubbub.voice.protocol`, so that a page that speaks it wrongly fails here.
"""

import asyncio
import contextlib
import json
import math
import re
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from hubbub.voice import event as ev
from hubbub.voice import protocol as wire
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

WEB = Path(__file__).parents[2] / "web"
CSP = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'"
RATE_HZ = 24000
FRAME_SAMPLES = RATE_HZ // 50
TONE_HZ = 440.0
LEAD_S = 0.12
ENGINES = {
    "vad": ev.EngineInfo(name="silero", why="its model file is installed"),
    "asr": ev.EngineInfo(
        name="pocketsphinx",
        why="no key for a recogniser in the environment",
        note="The offline recogniser is English and simple: it will mishear you.",
    ),
    "model": ev.EngineInfo(
        name="embedded",
        why="no OPENAI_API_KEY, no DASHSCOPE_API_KEY, no Ollama",
        note="Rule-based: it holds a small conversation and is not a language model.",
    ),
    "tts": ev.EngineInfo(name="espeak-ng", why="found on this system"),
}
ROOMS = [
    {"name": "default", "title": "The living room", "agents": [{"name": "Ada", "voice": "en"}], "callers": [], "language": "en"},
    {
        "name": "council",
        "title": "The council",
        "agents": [{"name": "Ada", "voice": "en"}, {"name": "Grace", "voice": "en-us"}, {"name": "明", "voice": "zh"}],
        "callers": ["Ben"],
        "language": "en",
    },
]
LATENCY = ev.TurnLatency(endpoint_ms=384, asr_ms=46, model_ms=61, sentence_ms=38, tts_ms=12, send_ms=4, play_ms=47, total_ms=592)


@dataclass
class Speaking:
    """A reply that sounds: the words, and where each begins."""

    reply: int
    agent: str
    text: str
    words: tuple[ev.WordTime, ...]
    samples: int
    turn: int = 1
    task: "asyncio.Task[None] | None" = None
    playhead: int = 0
    held: bool = False
    over: bool = False

    def heard_chars(self) -> int:
        return max((word.end for word in self.words if word.at < self.playhead), default=0)


@dataclass
class FakeServer:
    """What happened, for the test to look at, and what the test orders. Its methods may be called from any thread."""

    base_url: str = ""
    messages: list[Any] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    audio_sizes: list[int] = field(default_factory=list)
    joins: list[wire.Join] = field(default_factory=list)
    refuse: str | None = None
    answers: dict[str, str] = field(default_factory=dict)
    speaking: Speaking | None = None
    socket: WebSocket | None = None
    loop: asyncio.AbstractEventLoop | None = None
    replies: int = 0
    turns: int = 0
    sessions: int = 0
    down: bool = False
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    """What was asked of the rooms' API: method, path below `/api/rooms/`, body."""
    memory: list[dict[str, Any]] = field(default_factory=list)
    loudness: Callable[[int], float] = field(default=lambda offset: 1.0)
    """Of the voice, from 0 to 1, at a sample of the reply."""

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    # ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, event: ev.Event) -> None:
        self._run(lambda: self._send(event))

    def say(self, text: str, *, agent: str = "Ada", word_ms: int = 220) -> Speaking:
        """The agent speaks: `word_ms` of tone a word. "|" stands between words that have no space."""
        return self._run(lambda: self._say(text, agent, word_ms))

    def hold(self) -> None:
        assert self.speaking is not None
        self.speaking.held = True
        self.send(ev.Hold(reply=self.replies))
        self.send(ev.Floor(speaker="Ada", mouth="held"))

    def resume(self) -> None:
        assert self.speaking is not None
        self.speaking.held = False
        self.send(ev.Resume(reply=self.replies))
        self.send(ev.Floor(speaker="Ada", mouth="speaking"))

    def cut(self, by: str = "Ann") -> None:
        self._run(lambda: self._cut(by))

    def late_frame(self, reply: int, samples: int = RATE_HZ) -> None:
        """Sound of a reply that may be dead already."""
        self._run(lambda: self._frame(reply, 0, samples, last=False))

    def drop(self, code: int = 1011) -> None:
        """Closes the connection."""
        self._run(lambda: self._drop(code))

    def _run(self, make: "Callable[[], Coroutine[Any, Any, Any]]") -> Any:
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(make(), self.loop).result(timeout=5)

    # ── the server's side ─────────────────────────────────────────────────────────────────────────────────────────────

    async def serve(self, websocket: WebSocket) -> None:
        if self.down:
            await websocket.close(1013)
            return
        await websocket.accept()
        join = wire.parse_client_message(await websocket.receive_text())
        assert isinstance(join, wire.Join)
        self.joins.append(join)
        if self.refuse:
            await websocket.send_text(ev.Error(code="name_taken", message=self.refuse, fatal=True).model_dump_json())
            await websocket.close(wire.CLOSE_REFUSED)
            return
        self.socket = websocket
        await self._send(self._joined(join))
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                await self._take(message)

    def _joined(self, join: wire.Join) -> ev.Joined:
        resumed = join.resume is not None and join.resume == f"token-{self.sessions}"
        if not resumed:
            self.sessions += 1
            self.replies = 0
        room = next((room for room in ROOMS if room["name"] == join.room), ROOMS[0])
        people = [ev.Participant(name=agent["name"], kind="agent") for agent in room["agents"]]  # type: ignore[index]
        people += [ev.Participant(name=name, kind="caller") for name in [*room["callers"], join.name]]  # type: ignore[misc]
        return ev.Joined(
            protocol=1,
            room=join.room,
            name=join.name,
            session=f"s-{self.sessions}",
            resume_token=f"token-{self.sessions}",
            participants=tuple(people),
            audio=ev.AudioFormat(input_rate_hz=16000, output_rate_hz=RATE_HZ),
            engines=ENGINES,
        )

    async def _take(self, message: dict[str, Any]) -> None:
        data = message.get("bytes")
        if data is not None:
            self.audio += wire.check_audio(data, 16000)
            self.audio_sizes.append(len(data))
            return
        parsed = wire.parse_client_message(message["text"])
        self.messages.append(parsed)
        match parsed:
            case wire.Ping(id=number):
                await self._send(ev.Pong(id=number))
            case wire.Text(text=text):
                await self._answer(text)
            case wire.Interrupt():
                await self._cut(self.joins[-1].name)
            case wire.Playhead(reply=reply, offset=offset):
                await self._played(reply, offset)
            case _:
                pass

    async def _answer(self, text: str) -> None:
        self.turns += 1
        await self._send(ev.Transcript(speaker=self.joins[-1].name, text=text, final=True, turn=self.turns, source="text"))
        if text in self.answers:
            await self._say(self.answers[text], "Ada", 220)

    async def _say(self, text: str, agent: str, word_ms: int) -> Speaking:
        self.replies += 1
        words, start, at = [], 0, 0
        for word in re.split(r"( |\|)", text):
            if word.strip(" |"):
                words.append(ev.WordTime(start=start, end=start + len(word), at=at))
                at += word_ms * RATE_HZ // 1000
            start += 0 if word == "|" else len(word)
        text = text.replace("|", "")
        speaking = Speaking(self.replies, agent, text, tuple(words), at, self.turns)
        self.speaking = speaking
        await self._send(ev.Floor(speaker=agent, mouth="thinking"))
        half = len(text) // 2
        await self._send(ev.Reply(reply=speaking.reply, agent=agent, text=text[:half], delta=text[:half], final=False))
        await self._send(ev.Reply(reply=speaking.reply, agent=agent, text=text, delta=text[half:], final=False))
        await self._send(ev.Words(reply=speaking.reply, words=speaking.words))
        await self._send(ev.Floor(speaker=agent, mouth="speaking"))
        speaking.task = asyncio.create_task(self._play(speaking))
        return speaking

    async def _play(self, speaking: Speaking) -> None:
        sent, due = 0, LEAD_S * RATE_HZ
        then = asyncio.get_running_loop().time()
        while sent < speaking.samples and not speaking.over:
            while sent < min(due, speaking.samples):
                count = min(FRAME_SAMPLES, speaking.samples - sent)
                await self._frame(speaking.reply, sent, count, last=sent + count == speaking.samples)
                sent += count
            await asyncio.sleep(0.01)
            now = asyncio.get_running_loop().time()
            due += 0 if speaking.held else (now - then) * RATE_HZ
            then = now

    async def _frame(self, reply: int, offset: int, samples: int, *, last: bool) -> None:
        step = 2 * math.pi * TONE_HZ / RATE_HZ
        loud = self.loudness(offset) * 9000
        pcm = struct.pack(f"<{samples}h", *(int(loud * math.sin(step * (offset + n))) for n in range(samples)))
        assert self.socket is not None
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the page may be gone
            await self.socket.send_bytes(wire.pack_audio(wire.AudioFrame(reply, offset, last, pcm)))

    async def _played(self, reply: int, offset: int) -> None:
        speaking = self.speaking
        if speaking is None or speaking.reply != reply or speaking.over:
            return
        if offset > 0 and speaking.playhead == 0:
            turn = ev.Turn(turn=speaking.turn, speaker="Ann", agent=speaking.agent, reply=reply, latency=LATENCY)
            await self._send(turn)
        speaking.playhead = max(speaking.playhead, offset)
        if speaking.playhead >= speaking.samples:
            await self._finish(speaking, len(speaking.text), None)

    async def _cut(self, by: str) -> None:
        speaking = self.speaking
        if speaking is None or speaking.over:
            return
        await self._send(ev.Clear(reply=speaking.reply))
        await self._finish(speaking, speaking.heard_chars(), by)

    async def _finish(self, speaking: Speaking, heard: int, by: str | None) -> None:
        speaking.over = True
        await self._send(
            ev.Reply(
                reply=speaking.reply,
                agent=speaking.agent,
                text=speaking.text[:heard],
                unheard=speaking.text[heard:],
                final=True,
                interrupted=by is not None,
                interrupted_by=by,
                reason="interrupted" if by else "completed",
            )
        )
        await self._send(ev.Floor(speaker=None, mouth="idle"))

    async def _send(self, event: ev.Event) -> None:
        assert self.socket is not None
        await self.socket.send_text(event.model_dump_json())

    async def _drop(self, code: int) -> None:
        if self.speaking and self.speaking.task:
            self.speaking.task.cancel()
        if self.socket is not None:
            with contextlib.suppress(RuntimeError):
                await self.socket.close(code)

    # ── the web server ────────────────────────────────────────────────────────────────────────────────────────────────

    def app(self) -> Starlette:
        async def index(_: Request) -> Response:
            return FileResponse(WEB / "index.html", headers={"content-security-policy": CSP})

        async def rooms(_: Request) -> Response:
            if self.down:
                return JSONResponse({}, status_code=503)
            engines = {stage: engine.model_dump() for stage, engine in ENGINES.items()}
            return JSONResponse({"rooms": ROOMS, "engines": engines, "version": "0.1.0"})

        async def desk(request: Request) -> Response:
            body = await request.body()
            self.requests.append((request.method, request.path_params["path"], json.loads(body) if body else None))
            if request.method == "GET":
                return JSONResponse({"messages": self.memory})
            return Response(status_code=204)

        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            self.loop = asyncio.get_running_loop()
            yield

        return Starlette(
            routes=[
                Route("/", index),
                Route("/api/rooms", rooms),
                Route("/api/rooms/{path:path}", desk, methods=["GET", "POST", "PATCH", "DELETE"]),
                WebSocketRoute(wire.PATH, self.serve),
                Mount("/static", StaticFiles(directory=WEB)),
            ],
            lifespan=lifespan,
        )


@contextlib.contextmanager
def running() -> Iterator[FakeServer]:
    """A fake server on a free port of the loopback, in a thread of its own."""
    fake = FakeServer()
    listener = socket.create_server(("127.0.0.1", 0))
    fake.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        fake.app(), log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()


if __name__ == "__main__":
    with running() as served:
        print(served.base_url, flush=True)
        threading.Event().wait()
