"""Measures a room of several people and agents over real sockets, with simulated engines and the real VAD.

    python benchmarks/rooms.py                        # CPU of a room with 5 people and 3 agents; how late voices are
    python benchmarks/rooms.py --people 10 --agents 3
    python benchmarks/rooms.py --soak --minutes 60    # people and agents come and go, rooms are made and deleted: is memory flat?

The server is pinned to core 0 and this driver to core 1. The room is measured while all are silent, while one person speaks, while two
speak at once, and while agents do; *voice delay* is from a loud sample that a person sends to the loud sample that another receives
through the mix. CPU is the server's, as a share of one core.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.client import RoomsClient, VoiceClient
from hubbub.voice.client.errors import VoiceClientError
from hubbub.voice.protocol import AudioFrame, VoicesFrame

HERE = Path(__file__).parent
SPEECH = HERE.parent / "audio_fixtures" / "requests" / "tell_me_a_story.wav"
FRAME_S, FRAME_BYTES = 0.02, 640
LOUD = 600
"""Absolute sample value from which a frame counts as loud: about -35 dBFS."""
SETTLE_S = 4.0


class Person:
    """A caller: a microphone that never stops, and ears with a stop-watch."""

    def __init__(self, url: str, room: str, name: str) -> None:
        self.client = VoiceClient(url, room=room, name=name, reports_playhead=False)
        self.saying: list[bytes] = []
        self.loud_sent = 0.0
        self.loud_heard = 0.0
        self.heard_agents = 0
        self.heard_people = 0
        self.is_lost = False
        self._tasks: list[asyncio.Task[None]] = []

    async def enter(self) -> "Person":
        await self.client.__aenter__()
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._hear())]
        return self

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(VoiceClientError):
            await self.client.__aexit__(None, None, None)

    def say(self, pcm: bytes) -> None:
        self.saying += [pcm[n : n + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for n in range(0, len(pcm), FRAME_BYTES)]
        self.loud_sent = self.loud_heard = 0.0

    async def _speak(self) -> None:
        due = time.monotonic()
        while True:
            frame = self.saying.pop(0) if self.saying else bytes(FRAME_BYTES)
            if not self.loud_sent and any(frame) and np.abs(np.frombuffer(frame, np.int16).astype(int)).max() > LOUD:
                self.loud_sent = time.monotonic()
            try:
                await self.client.send_audio(frame)
            except VoiceClientError:
                self.is_lost = True
                return
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _hear(self) -> None:
        with suppress(VoiceClientError):
            async for item in self.client:
                if isinstance(item, VoicesFrame):
                    self.heard_people += 1
                    if not self.loud_heard and np.abs(np.frombuffer(item.pcm, np.int16).astype(int)).max() > LOUD:
                        self.loud_heard = time.monotonic()
                elif isinstance(item, AudioFrame):
                    self.heard_agents += 1


class Server:
    """The server's process."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.url = process, f"http://127.0.0.1:{port}"

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def private_mb(self) -> float:
        """Memory that is this process's alone, code and files that it shares left out: what a leak grows."""
        fields = dict(line.split(":") for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:])
        return int(fields["Anonymous"].split()[0]) * 1024 / 1e6

    async def load(self, seconds: float) -> float:
        """Share of a core over so many seconds from now on."""
        before, at = self.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        return (self.cpu_s() - before) / (time.monotonic() - at)


@asynccontextmanager
async def serving(agents: int) -> AsyncIterator[Server]:
    command = [sys.executable, str(Path(__file__)), "--serve", "--agents", str(agents)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - nothing else runs yet
    try:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        yield Server(process, int(line.split()[1]))
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def measure(arguments: argparse.Namespace) -> None:
    speech = read_audio(SPEECH, 16_000)
    async with serving(arguments.agents) as server:
        await asyncio.sleep(SETTLE_S)
        people = [await Person(server.url, "bench", f"P{n}").enter() for n in range(arguments.people)]
        await asyncio.sleep(SETTLE_S)
        rows = [("all silent", await server.load(arguments.seconds))]
        long = speech * 8
        people[0].say(long)
        await asyncio.sleep(0.5)
        rows.append(("one speaks", await server.load(arguments.seconds / 2)))
        people[1].say(long)
        await asyncio.sleep(0.5)
        rows.append(("two speak", await server.load(arguments.seconds / 2)))
        while people[0].saying or people[1].saying:
            await asyncio.sleep(0.1)
        await asyncio.sleep(2.0)
        rows.append(("agents speak", await server.load(arguments.seconds)))
        heard = people[-1].heard_agents
        await _silence(people)
        delays = []
        for n in range(arguments.turns):
            speaker, listener = people[n % len(people)], people[(n + 1) % len(people)]
            listener.loud_heard = 0.0
            speaker.say(speech)
            await asyncio.sleep(len(speech) / 32_000)
            if speaker.loud_sent and listener.loud_heard:
                delays.append(1000 * (listener.loud_heard - speaker.loud_sent))
            await _silence(people)
        for person in people:
            await person.leave()
    print(f"\n{arguments.people} people and {arguments.agents} agents in one room; CPU of the server, of one core")
    for name, load in rows:
        print(f"  {name:14} {100 * load:6.1f} %")
    print(f"  an agent's frames at a listener: {heard}, voices': {people[-1].heard_people}")
    if delays:
        p95 = sorted(delays)[max(0, int(len(delays) * 0.95) - 1)]
        print(f"  voice delay    p50 {statistics.median(delays):.0f} ms, p95 {p95:.0f} ms ({len(delays)} utterances)")


async def _silence(people: list[Person]) -> None:
    """Waits until no agent is heard any more."""
    before = -1
    while before != (before := people[0].heard_agents):
        await asyncio.sleep(1.0)


class Soak:
    """People and agents come and go, rooms are made and deleted. On a busy machine a line may be lost or an answer late: that is counted,
    and the soak goes on."""

    def __init__(self, server: Server, rooms: RoomsClient, people: int) -> None:
        self.server, self.rooms, self.most = server, rooms, people
        self.people: list[Person] = []
        self.joins = self.invited = self.made = self.lost = 0
        self._number = 0
        self._rng = random.Random(1)
        self._speech = read_audio(SPEECH, 16_000)

    async def step(self) -> None:
        """Somebody says something; perhaps somebody comes or goes."""
        self._number += 1
        for dead in [person for person in self.people if person.is_lost]:
            self.people.remove(dead)
            self.lost += 1
            await dead.leave()
        for change in (self._people_change, self._guest, self._room):
            try:
                await change()
            except VoiceClientError as error:
                self.lost += 1
                print(f"  lost: {error}", file=sys.stderr, flush=True)
        if self.people:
            self._rng.choice(self.people).say(self._speech)
        await asyncio.sleep(self._rng.uniform(0.5, 1.5))

    async def close(self) -> None:
        for person in self.people:
            await person.leave()

    async def _people_change(self) -> None:
        if len(self.people) < self.most:
            self.people.append(await Person(self.server.url, "bench", f"P{self._number}").enter())
            self.joins += 1
        elif self._rng.random() < 0.3:
            await self.people.pop(self._rng.randrange(len(self.people))).leave()

    async def _guest(self) -> None:
        if self._number % 3 == 0:
            guest = f"Guest{self._number}"
            await self.rooms.invite("bench", {"name": guest, "greeting": "Good day."})
            self.invited += 1
            await asyncio.sleep(0.5)
            await self.rooms.remove_agent("bench", guest)

    async def _room(self) -> None:
        if self._number % 5 == 0:
            name = f"room{self._number}"
            await self.rooms.create(name, agents=[{"name": "Ava"}])
            self.made += 1
            visitor = await Person(self.server.url, name, "V").enter()
            try:
                visitor.say(self._speech)
                await asyncio.sleep(0.5)
                await self.rooms.delete(name)
            finally:
                await visitor.leave()


async def soak(arguments: argparse.Namespace) -> None:
    """Lets people, agents and rooms come and go, and prints the memory of each minute."""
    async with serving(arguments.agents) as server, RoomsClient(server.url) as rooms:
        await asyncio.sleep(SETTLE_S)
        one = Soak(server, rooms, arguments.people)
        end, next_row = time.monotonic() + 60 * arguments.minutes, time.monotonic()
        sizes: list[float] = []
        while time.monotonic() < end:
            if time.monotonic() >= next_row:
                sizes.append(server.private_mb())
                print(
                    f"  minute {len(sizes) - 1:3d}: {sizes[-1]:7.1f} MB of its own, {server.rss_mb():7.1f} MB resident, {one.joins} joins, "
                    f"{one.invited} agents, {one.made} rooms, {one.lost} lost", flush=True,
                )  # fmt: skip
                next_row += 60
            await one.step()
        await one.close()
        await asyncio.sleep(2)
        sizes.append(server.private_mb())
    print(f"\nafter {arguments.minutes:g} min: {sizes[-1]:.1f} MB, at most {max(sizes):.1f} MB")
    half = sizes[len(sizes) // 2 : -1]
    if len(half) > 2:
        middle = statistics.median(half)
        spread = max(abs(size - middle) for size in half) / middle
        trend = statistics.linear_regression(range(len(half)), half).slope * 60
        print(f"second half: {middle:.1f} MB within {100 * spread:.1f} %, a line through it rises by {trend:.1f} MB an hour")


def serve(arguments: argparse.Namespace) -> None:
    """The server's side."""
    os.sched_setaffinity(0, {0})
    import uvloop
    from hubbub.voice.config import AgentConfig, Config, FloorConfig, LimitsConfig, RoomConfig, ServerConfig
    from hubbub.voice.engines import Engines
    from hubbub.voice.event import EngineInfo
    from hubbub.voice.house import House
    from hubbub.voice.server import serve_house
    from hubbub.voice.testing.asr import ScriptedASR
    from hubbub.voice.testing.tts import ScriptedTTS
    from hubbub.voice.vad.choose import choose_vad
    from simulated_server import SimulatedModel

    agents = tuple(AgentConfig(name=f"Agent{n}") for n in range(arguments.agents))
    room = RoomConfig(agents=agents, floor=FloorConfig(policy="order", max_agent_turns=max(1, arguments.agents)))
    config = Config(server=ServerConfig(port=0, limits=LimitsConfig(max_sessions=1000)), rooms={"bench": room})
    vad, why = choose_vad("silero")
    asr = ScriptedASR(["tell me a long story please"], repeat=True, final_ms=100)
    engines = Engines(vad, asr, ScriptedTTS(first_sound_ms=100), {"vad": EngineInfo(name=vad.name, why=why)})
    house = House(config, engines=engines, model=SimulatedModel(0.2, 2), environ={})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_house(house, on_ready=lambda _, port: print("READY", port, flush=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each state is measured")
    parser.add_argument("--turns", type=int, default=20, help="utterances by which the voices' delay is measured")
    parser.add_argument("--soak", action="store_true", help="let people, agents and rooms come and go")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the soak takes")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments)
        return
    os.sched_setaffinity(0, {min(1, (os.cpu_count() or 1) - 1)})
    asyncio.run(soak(arguments) if arguments.soak else measure(arguments))


if __name__ == "__main__":
    main()
