"""A bad network between two real sockets: a relay of UDP datagrams in the test's own process that loses, delays and cuts off.

A WebRTC client is given the relay's address in place of the server's (`relayed`), so that nothing of either end has to be changed.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from random import Random


@dataclass(slots=True)
class Weather:
    """What the network does, both ways; may be changed at any time."""

    loss: float = 0.0
    """Share of datagrams that are lost, 0 to 1."""
    pattern: Sequence[bool] = (False,)
    """A pattern of loss that repeats: True for a datagram that is lost (`hubbub.voice.testing.network.burst_loss` makes bursts)."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Up to so much more delay, drawn anew for each datagram: they overtake each other."""
    down: bool = False
    """Nothing passes."""


@dataclass
class UdpRelay:
    """Passes datagrams between whoever sends to its `port` and `target`, through the weather."""

    target: tuple[str, int]
    weather: Weather = field(default_factory=Weather)
    seed: int = 0
    port: int = 0
    passed: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._pattern = cycle(self.weather.pattern)
        self._of = self.weather.pattern
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._opening: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Binds a free port of the loopback."""
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: _Side(self._came), local_addr=("127.0.0.1", 0))
        self.port = self._front.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Closes all sockets."""
        for task in self._opening:
            task.cancel()
        for each in (self._front, *self._backs.values()):
            if each is not None:
                each.close()

    def _came(self, data: bytes, source: tuple[str, int]) -> None:
        back = self._backs.get(source)
        if back is not None:
            self._pass(back, data, self.target)
            return
        task = asyncio.get_running_loop().create_task(self._new_back(data, source))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _new_back(self, data: bytes, source: tuple[str, int]) -> None:
        def answer(back_data: bytes, _: tuple[str, int]) -> None:
            if self._front is not None:
                self._pass(self._front, back_data, source)

        if source not in self._backs:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(lambda: _Side(answer), local_addr=("127.0.0.1", 0))
            self._backs[source] = transport
        self._pass(self._backs[source], data, self.target)

    def _pass(self, way: asyncio.DatagramTransport, data: bytes, to: tuple[str, int]) -> None:
        weather = self.weather
        if weather.pattern is not self._of:
            self._pattern, self._of = cycle(weather.pattern), weather.pattern
        if weather.down or next(self._pattern) or self._random.random() < weather.loss:
            self.lost += 1
            return
        self.passed += 1
        delay_s = (weather.delay_ms + self._random.random() * weather.jitter_ms) / 1000
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, _send, way, data, to)
        else:
            _send(way, data, to)


def _send(way: asyncio.DatagramTransport, data: bytes, to: tuple[str, int]) -> None:
    if not way.is_closing():
        way.sendto(data, to)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, came: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = came

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, (addr[0], addr[1]))


_CANDIDATE = re.compile(r"(a=candidate:\S+ \d+ udp \d+ )(\S+) (\d+)( typ host)", re.IGNORECASE)


@asynccontextmanager
async def relayed(answer: str, weather: Weather, *, seed: int = 0) -> AsyncIterator[tuple[str, UdpRelay]]:
    """Puts a relay before the first candidate of an SDP answer: gives the answer that leads through it, without other candidates.

    Raises ValueError where the answer has no UDP candidate.
    """
    found = _CANDIDATE.search(answer)
    if found is None:
        raise ValueError("the answer has no UDP host candidate to put a relay before")
    relay = UdpRelay((found[2], int(found[3])), weather, seed)
    await relay.open()
    try:
        lines = []
        for line in answer.split("\r\n"):
            match = _CANDIDATE.match(line)
            if match is None:
                lines.append(line)
            elif (match[2], match[3]) == (found[2], found[3]):
                lines.append(_CANDIDATE.sub(rf"\g<1>127.0.0.1 {relay.port}\g<4>", line))
        yield "\r\n".join(lines), relay
    finally:
        relay.close()
