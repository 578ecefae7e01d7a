"""One utterance in the pool's care, and the pool's end of one worker's socket."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from typing import Protocol, cast

from . import wire
from .worker import KEPT_BYTES

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Who hears of what a worker says, and of its end."""

    def receive(self, worker: "WorkerLink", kind: bytes, body: bytes) -> None:
        """A message came. May raise WireError, which ends the worker."""

    def lose(self, worker: "WorkerLink") -> None:
        """The socket closed: the process is gone or about to go."""


class Utterance:
    """One utterance in the pool's care: waiting, then served, then over. `on_message` gets FINAL, PARTIAL and FAILED messages."""

    __slots__ = ("ended", "on_message", "opening", "sound", "sound_bytes", "timer", "worker")

    def __init__(self, opening: bytes, on_message: Callable[[bytes, bytes], None]) -> None:
        self.opening = opening
        self.on_message = on_message
        self.sound: list[bytes] = []
        self.sound_bytes = 0
        self.ended = False
        self.worker: WorkerLink | None = None
        self.timer: asyncio.TimerHandle | None = None

    def stop_timer(self) -> None:
        """Stops waiting for whatever was owed."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class WorkerLink(asyncio.Protocol):
    """The pool's end of one worker's socket."""

    def __init__(self, owner: Owner) -> None:
        self.pid = 0
        self.utterance: Utterance | None = None
        self.cancelling = False
        self.timer: asyncio.TimerHandle | None = None
        self._owner = owner
        self._unpacker = wire.Unpacker()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._unpacker.feed(data)
            for kind, body in messages:
                self._owner.receive(self, kind, body)
        except wire.WireError as error:
            log.error("a recogniser process sent nonsense: %s", error)
            self.kill()

    def connection_lost(self, error: Exception | None) -> None:
        self.stop_timer()
        self._owner.lose(self)

    def send(self, message: bytes) -> bool:
        """Hands a message to the worker. False when so much is unread already that it must be hanging."""
        assert self._transport is not None
        if self._transport.get_write_buffer_size() > KEPT_BYTES:
            return False
        if not self._transport.is_closing():
            self._transport.write(message)
        return True

    def expect_answer(self, seconds: float) -> None:
        """Kills the worker unless it says something in time."""
        self.stop_timer()
        self.timer = asyncio.get_running_loop().call_later(seconds, self._hang, seconds)

    def stop_timer(self) -> None:
        """The worker owes nothing any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def kill(self) -> None:
        """Ends the process, whatever it does; the owner hears of it through `lose`."""
        if self._transport is not None and not self._transport.is_closing():
            with contextlib.suppress(ProcessLookupError):
                if self.pid:
                    os.kill(self.pid, signal.SIGKILL)
            self._transport.abort()

    def close(self) -> None:
        """Lets the process go: it ends when it reads the end of its socket."""
        if self._transport is not None:
            self._transport.abort()

    def _hang(self, seconds: float) -> None:
        log.error("recogniser process %d said nothing for %.1f s: it is killed and replaced", self.pid, seconds)
        self.kill()
