"""A Hubbub server with simulated engines and the real VAD, for the benchmarks: what is measured is Hubbub, not an engine.

`python benchmarks/simulated_server.py --port 0 --asr-ms 150 --model-ms 300 --tts-ms 150` prints `READY <port>`, and at each SIGUSR1
`LAG <p50> <p95> <p99>`: by how many ms its event loop was late in the last 20 s.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

from hubbub.agents.model.base import ChatDelta, ChatModelBase, TextDelta
from hubbub.voice.clock import TICK_MS
from hubbub.voice.config import AgentConfig, Config, LimitsConfig, RoomConfig, ServerConfig
from hubbub.voice.config.asterisk import AsteriskConfig, AudioSocketConfig
from hubbub.voice.config.telephony import TelephonyConfig
from hubbub.voice.engines import Engines
from hubbub.voice.event import EngineInfo
from hubbub.voice.house import House
from hubbub.voice.server import serve_house
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.choose import choose_vad
from loop_lag import LoopLag

FIRST, MORE = "Certainly, here is the answer. ", "It has a few more sentences, so that there is something to hear. "
TOKENS_A_SECOND = 50


class SimulatedModel(ChatModelBase):
    """First token after `first_s`, then 50 tokens a second."""

    can_sum_up = False

    def __init__(self, first_s: float, sentences: int) -> None:
        self.name = "simulated"
        self.answer = FIRST + MORE * sentences
        self.first_s = first_s

    async def stream(self, messages: list[dict[str, Any]], **options: Any) -> AsyncIterator[ChatDelta]:
        await asyncio.sleep(self.first_s)
        for word in self.answer.split(" "):
            yield TextDelta(word + " ")
            if self.first_s:
                await asyncio.sleep(1 / TOKENS_A_SECOND)


def build(arguments: argparse.Namespace) -> House:
    policy = TurnPolicy(action_delay_ms=arguments.endpoint_ms, timeout_ms=max(1000, arguments.endpoint_ms),
                        speculation=arguments.speculation, utterance_gap_ms=arguments.gap_ms)
    agent = AgentConfig(name="Ava")
    rooms = {f"room{n}": RoomConfig(agents=(agent,), turn=policy) for n in range(arguments.rooms)}
    server = ServerConfig(port=arguments.port, limits=LimitsConfig(max_sessions=1000))
    asterisk = None if arguments.audiosocket is None else AudioSocketConfig(port=arguments.audiosocket, room="room0")
    config = Config(server=server, rooms=rooms, telephony=TelephonyConfig(max_calls=1000, asterisk=AsteriskConfig(audiosocket=asterisk)))
    vad, why = choose_vad(arguments.vad)
    partial_ms = arguments.partial_ms if arguments.partial_ms >= 0 else None
    asr = ScriptedASR(["what is the weather like today"], repeat=True, partial_ms=partial_ms, final_ms=arguments.asr_ms)
    tts = ScriptedTTS(first_sound_ms=arguments.tts_ms)
    engines = Engines(vad, asr, tts, {"vad": EngineInfo(name=vad.name, why=why)})
    return House(config, engines=engines, model=SimulatedModel(arguments.model_ms / 1000, arguments.sentences))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--vad", default="silero")
    parser.add_argument("--sentences", type=int, default=3, help="after the first: 4 s of sound each")
    parser.add_argument("--asr-ms", type=int, default=0)
    parser.add_argument("--partial-ms", type=int, default=60, help="-1: no partials")
    parser.add_argument("--model-ms", type=int, default=0)
    parser.add_argument("--tts-ms", type=int, default=0)
    parser.add_argument("--endpoint-ms", type=int, default=320)
    parser.add_argument("--gap-ms", type=int, default=160)
    parser.add_argument("--speculation", default="full")
    parser.add_argument("--tick-ms", type=int, default=TICK_MS, help="period of the media clock")
    parser.add_argument("--audiosocket", type=int, default=None, metavar="PORT", help="listen for Asterisk's AudioSocket")
    parser.add_argument("--core", type=int, default=None, help="pin the process to this core")
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    import uvloop

    house = build(arguments)
    house.clock.tick_ms = arguments.tick_ms

    async def serve() -> None:
        lag = LoopLag()
        watching = asyncio.create_task(lag.watch())
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGUSR1, lambda: print("LAG", *(f"{late:.1f}" for late in lag.percentiles()), flush=True)
        )
        await serve_house(house, on_ready=lambda _, port: print("READY", port, flush=True))
        watching.cancel()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
