"""Hubbub behind its native WebSocket, with the comparison's engines. Prints `READY <port>`.

Settings: the real Silero detector and the product's turn policy; only `action_delay_ms` is set, to the peers' 200 ms of silence,
and the mode of speculation, which is the row's name (off, model, full).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import simulated
from hubbub.agents.model.base import ChatDelta, ChatModelBase, TextDelta
from hubbub.voice.config import AgentConfig, Config, LimitsConfig, RoomConfig, ServerConfig
from hubbub.voice.engines import Engines
from hubbub.voice.event import EngineInfo
from hubbub.voice.house import House
from hubbub.voice.server import serve_house
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.choose import choose_vad


class SimulatedModel(ChatModelBase):
    """The comparison's model."""

    name = "simulated"

    async def stream(self, messages: list[dict[str, Any]], **options: Any) -> AsyncIterator[ChatDelta]:
        await asyncio.sleep(simulated.MODEL_MS / 1000)
        for token in simulated.tokens():
            yield TextDelta(token)
            await asyncio.sleep(1 / simulated.TOKENS_A_SECOND)


def build(speculation: str, endpoint_ms: int, sessions: int) -> House:
    policy = TurnPolicy(action_delay_ms=endpoint_ms, speculation=speculation)  # type: ignore[arg-type]
    rooms = {f"room{n}": RoomConfig(agents=(AgentConfig(name="Ava"),), turn=policy) for n in range(sessions)}
    config = Config(server=ServerConfig(port=0, limits=LimitsConfig(max_sessions=sessions + 10)), rooms=rooms)
    vad, why = choose_vad("silero")
    asr = ScriptedASR([simulated.REQUEST], repeat=True, partial_ms=simulated.PARTIAL_MS, final_ms=simulated.FINAL_MS)
    tts = ScriptedTTS(first_sound_ms=simulated.TTS_MS, speed=simulated.TTS_SPEED)
    return House(config, engines=Engines(vad, asr, tts, {"vad": EngineInfo(name=vad.name, why=why)}), model=SimulatedModel())


if __name__ == "__main__":
    import uvloop

    given = simulated.arguments(__doc__, speculation="full", endpoint="200", rooms="100")
    house = build(given.speculation, int(given.endpoint), int(given.rooms))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_house(house, on_ready=lambda _, port: print("READY", port, flush=True)))
