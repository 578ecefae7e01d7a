"""A whole house behind a real socket, in the test's own loop, with scripted engines: what a client sees, without what engines cost."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubbub.agents.testing import ScriptedModel
from hubbub.voice.config import parse_config
from hubbub.voice.engines import Engines
from hubbub.voice.event import EngineInfo
from hubbub.voice.house import House
from hubbub.voice.server import create_app, http_server
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.vad.energy import EnergyVAD

KEY = "k" * 40
ROOMS = """
rooms:
  default: {agents: [{name: Ava}]}
  attic: {agents: [{name: Ben}]}
"""


@dataclass
class LiveHouse:
    """A served house and where it is."""

    house: House
    url: str

    @property
    def socket(self) -> str:
        return self.url.replace("http", "ws", 1) + "/api/voice"


def make_house(
    config: str = ROOMS, *, environ: Mapping[str, str] | None = None, heard: Iterable[str | Exception] = (), record: Path | None = None,
    answer: str = "One, two, three, four.",
) -> House:
    """A house with scripted engines from YAML; no variable of the tester's environment reaches it."""
    environ = environ or {}
    vad = EnergyVAD()
    engines = Engines(vad, ScriptedASR(heard, repeat=True), ScriptedTTS(), {"vad": EngineInfo(name=vad.name)})
    return House(
        parse_config(config, environ=environ), engines=engines, model=ScriptedModel(then=answer), environ=environ, record=record
    )


@asynccontextmanager
async def live_house(config: str = ROOMS, **options: Any) -> AsyncIterator[LiveHouse]:
    """Serves on a free port of 127.0.0.1 until the end of the block, whatever host the configuration names."""
    house = make_house(config, **options)
    server = http_server(create_app(house), "127.0.0.1", 0)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    try:
        while not server.started:
            assert not task.done(), "the server did not start"
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield LiveHouse(house, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        await task
