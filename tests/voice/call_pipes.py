"""A pair of connected message pipes in memory, for calls in simulated time: each end is a `Transport` of the phone SDK and a `Wire` of the
channel gateway."""

import asyncio


class Pipe:
    """One end."""

    def __init__(self) -> None:
        self.closed = ""
        self.got: list[str | bytes] = []
        self._inbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.other: Pipe | None = None

    async def receive(self) -> str | bytes | None:
        data = await self._inbox.get()
        if data is None:
            self.closed = "it closed the stream with 1000"
        else:
            self.got.append(data)
        return data

    async def send(self, data: str | bytes) -> None:
        assert self.other is not None
        self.other._inbox.put_nowait(data)

    async def close(self) -> None:
        assert self.other is not None
        self.other._inbox.put_nowait(None)


def pipes() -> tuple[Pipe, Pipe]:
    """Two ends of one line."""
    one, other = Pipe(), Pipe()
    one.other, other.other = other, one
    return one, other
