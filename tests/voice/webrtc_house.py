"""A whole server inside a test's loop, with engines by a script, and aiortc's own peer connection as its client."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aioice.ice
import av
import httpx
import numpy as np
import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from hubbub.agents.testing import ScriptedModel
from hubbub.voice.config import AgentConfig, Config, RoomConfig, ServerConfig
from hubbub.voice.config.access import AccessConfig
from hubbub.voice.config.webrtc import WebRTCConfig
from hubbub.voice.engines import Engines
from hubbub.voice.event import Event, parse_event
from hubbub.voice.gateway.webrtc.gateway import WebRTCGateway
from hubbub.voice.gateway.webrtc.peer import Peer
from hubbub.voice.house import House
from hubbub.voice.server import create_app
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.vad.energy import EnergyVAD

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # aiortc as a client skips the loopback by itself


@dataclass
class Running:
    """A running server."""

    url: str
    house: House
    http: httpx.AsyncClient
    gateway: WebRTCGateway

    @property
    def peers(self) -> dict[str, Peer]:
        """The WebRTC connections that stand or are about to."""
        return self.gateway.peers


@contextlib.asynccontextmanager
async def running(
    *, answers: tuple[str, ...] = ("One two three four five six seven eight nine ten.",), heard: tuple[str, ...] = ("hello there",),
    rooms: tuple[str, ...] = ("default",), agents: tuple[str, ...] = ("Ava",), host: str = "127.0.0.1",
    access: AccessConfig | None = None,     **webrtc: Any,
) -> AsyncIterator[Running]:
    """Serves rooms with the same agents each, on a free port of the loopback."""
    config = Config(
        rooms={room: RoomConfig(agents=tuple(AgentConfig(name=agent) for agent in agents)) for room in rooms},
        webrtc=WebRTCConfig(**webrtc), server=ServerConfig(access=access or AccessConfig()),
    )
    engines = Engines(EnergyVAD(), ScriptedASR(list(heard), repeat=True), ScriptedTTS())
    house = House(config, engines=engines, model=ScriptedModel(list(answers), then=answers[-1]), environ={})
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    app = create_app(house)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve([listener]))
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    try:
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            yield Running(url, house, http, app.state.webrtc)
    finally:
        server.should_exit = True
        await serving


def buzz(ms: int, rate_hz: int = 48_000) -> np.ndarray[Any, Any]:
    """Something voice-like, int16."""
    time = np.arange(rate_hz // 1000 * ms) / rate_hz
    total = sum(np.sin(2 * np.pi * 180 * n * time + n) / n for n in range(1, 15))
    return np.asarray(total * 6000, np.int16)


class Microphone(MediaStreamTrack):  # type: ignore[misc]
    """An audio track that says what it is told, and silence else."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._waiting = np.zeros(0, np.int16)
        self._frames = 0
        self._began: float | None = None

    def say(self, sound: np.ndarray[Any, Any]) -> None:
        self._waiting = np.concatenate([self._waiting, sound])

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._frames * 0.02 - loop.time()))
        sound, self._waiting = self._waiting[:960], self._waiting[960:]
        frame = av.AudioFrame.from_ndarray(np.pad(sound, (0, 960 - sound.size)).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._frames * 960, Fraction(1, 48_000)
        self._frames += 1
        return frame


@dataclass
class StockClient:
    """aiortc's RTCPeerConnection as a caller: what a WHIP client that is not ours does."""

    peer: RTCPeerConnection = field(default_factory=lambda: RTCPeerConnection(RTCConfiguration(iceServers=[])))
    microphone: Microphone = field(default_factory=Microphone)
    events: list[Event] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=list)
    """When a frame of sound came, and its level."""
    channel: Any = None
    location: str = ""
    etag: str = ""
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    async def offer(self, *, channel: bool = True, audio: bool = True) -> str:
        if audio:
            self.peer.addTrack(self.microphone)
        if channel:
            self.channel = self.peer.createDataChannel("hubbub")
            self.channel.on("message", lambda text: self.events.append(parse_event(text)))
        self.peer.on("track", lambda track: self._listening.append(asyncio.create_task(self._listen(track))))
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def join(self, server: Running, query: str = "name=Kim", *, setup: str = "actpass", **how: bool) -> "StockClient":
        offer = (await self.offer(**how)).replace("a=setup:actpass", f"a=setup:{setup}")
        answer = await server.http.post(f"/api/webrtc?{query}", content=offer, headers={"content-type": "application/sdp"})
        assert answer.status_code == 201, answer.text
        self.location, self.etag = answer.headers["location"], answer.headers["etag"]
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        return self

    async def until(self, kind: type[Event], seconds: float = 15.0) -> Any:
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                await asyncio.sleep(0.01)

    async def until_loud(self, loud: bool = True, seconds: float = 15.0) -> float:
        """Waits for sound, or for 100 ms of silence; answers when it was."""
        async with asyncio.timeout(seconds):
            while True:
                last = self.levels[-5:]
                if loud and last and last[-1][1] > 200:
                    return last[-1][0]
                if not loud and (len(last) == 5 and all(level < 200 for _, level in last)):
                    return last[0][0]
                await asyncio.sleep(0.01)

    async def _listen(self, track: Any) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.levels.append((loop.time(), float(np.sqrt(np.mean(frame.to_ndarray().astype(float) ** 2)))))

    async def close(self) -> None:
        await self.peer.close()
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
