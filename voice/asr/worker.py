"""The process that loads the models once, and the workers that it forks.

Started by the pool as `python -m hubbub.voice.asr.worker FD`, where FD is a socket. Each message on it carries the end of
another socket: it forks a worker, which shares the loaded models' memory and serves one utterance at a time over its own
socket (wire.py). When the pool goes away, however it dies, the sockets read as closed and everything here ends.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from collections import deque
from typing import Any

from . import wire
from .decoder import EAR_BYTES_PER_MS, Recogniser

READY = b"ready"
"""What the loader sends when the models are loaded; `failed: ` and the reason when they could not be."""
FAILED = b"failed: "

SLICE_BYTES = 100 * EAR_BYTES_PER_MS
"""Sound decoded between two looks at the socket: 100 ms, some 20 ms of work, the time that a cancel may take."""

IDLE_S = 1.0
"""A worker that nobody needs for so long loads what only speech over a reply needs, once."""

KEPT_BYTES = 30_000 * EAR_BYTES_PER_MS
"""Sound that may wait to be decoded: 30 s. Sound in real time never waits; a caller that sends faster may."""


class Worker:
    """Serves utterances on one socket until it closes."""

    def __init__(self, connection: socket.socket, recogniser: Recogniser) -> None:
        self._connection = connection
        self._recogniser = recogniser
        self._unpacker = wire.Unpacker()
        self._inbox: deque[tuple[bytes, bytes]] = deque()
        self._waiting_bytes = 0
        self._dead = False
        """The open utterance failed: what still comes for it is ignored."""
        self._prepared = False

    def run(self) -> None:
        """Serves until the pool closes the socket."""
        self._recogniser.warm()
        self._connection.sendall(wire.pack_json(wire.HELLO, {"pid": os.getpid()}))
        while True:
            if not self._receive():
                return
            if self._inbox:
                self._handle(*self._inbox.popleft())

    def _receive(self) -> bool:
        """Reads what there is, waiting only when there is nothing to do. False when the pool has gone."""
        while not self._inbox or select.select([self._connection], [], [], 0)[0]:
            if not self._inbox and not self._prepared and not select.select([self._connection], [], [], IDLE_S)[0]:
                self._prepared = True
                self._recogniser.prepare()
            data = self._connection.recv(1 << 16)
            if not data:
                return False
            for kind, body in self._unpacker.feed(data):
                self._take(kind, body)
        return True

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == wire.CANCEL:
            self._inbox.clear()
            self._waiting_bytes = 0
        elif kind == wire.SOUND:
            self._waiting_bytes += len(body)
            for at in range(0, len(body), SLICE_BYTES):
                self._inbox.append((kind, body[at : at + SLICE_BYTES]))
            return
        self._inbox.append((kind, body))

    def _handle(self, kind: bytes, body: bytes) -> None:
        try:
            self._act(kind, body)
        except Exception as error:  # the engine's or a bug: either way this utterance is lost, and only this one
            self._fail(f"the recogniser failed: {error}")

    def _act(self, kind: bytes, body: bytes) -> None:
        if kind == wire.OPEN:
            self._dead = False
            request = wire.parse_json(body)
            guessed = self._recogniser.begin(wire.context_from_json(request["context"]), request["cmn"])
            if guessed:
                self._send(wire.pack_json(wire.GUESSED, {"words": guessed}))
        elif kind == wire.CANCEL:
            self._recogniser.abort()
            self._send(wire.pack(wire.IDLE))
        elif self._dead:
            return
        elif kind == wire.SOUND:
            self._decode(body)
        elif kind == wire.END:
            done = self._recogniser.finish()
            words = wire.words_to_json(done.words)
            self._send(wire.pack_json(wire.FINAL, {"text": done.text, "words": words, "cmn": done.cmn, "claim": done.claim}))

    def _decode(self, pcm: bytes) -> None:
        late = self._waiting_bytes > SLICE_BYTES
        if self._waiting_bytes > KEPT_BYTES:
            self._fail("sound comes faster than the recogniser can work: more than 30 s of it were waiting")
            return
        self._waiting_bytes -= len(pcm)
        partial = self._recogniser.feed(pcm)
        if partial is not None:
            self._send(wire.pack_json(wire.PARTIAL, {"text": partial.text, "claim": partial.claim}))
        elif late:
            self._send(wire.pack(wire.ALIVE))

    def _fail(self, message: str) -> None:
        self._dead = True
        self._inbox.clear()
        self._waiting_bytes = 0
        with contextlib.suppress(Exception):
            self._recogniser.abort()
        self._send(wire.pack(wire.FAILED, wire.failed_body(message)))

    def _send(self, message: bytes) -> None:
        self._connection.sendall(message)


def fork_workers(control: socket.socket, recogniser: Recogniser) -> None:
    """Forks a worker for every socket that comes over `control`, until it closes; then ends them all."""
    gc.collect()
    gc.freeze()  # the collector must not write to the shared pages of what is loaded
    children: set[int] = set()
    signal.signal(signal.SIGCHLD, lambda *_: _reap(children))
    while True:
        _, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not fds:
            break
        pid = os.fork()
        if pid == 0:
            control.close()
            _run_worker(socket.socket(fileno=fds[0]), recogniser)
        os.close(fds[0])
        children.add(pid)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _reap(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


def _run_worker(connection: socket.socket, recogniser: Recogniser) -> Any:
    """Never returns: a forked child must not run on into its parent's code."""
    status = 1
    try:
        Worker(connection, recogniser).run()
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the pool has gone
    finally:
        os._exit(status)


def _reap(children: set[int]) -> None:
    for pid in list(children):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        children.discard(pid)


def main() -> None:
    """Loads, tells the pool, and forks until the pool goes away."""
    # The pool ends this process by closing its socket. A Ctrl-C, or a SIGTERM to the whole group, is for the pool to answer:
    # it may want to let callers finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.setblocking(True)
    try:
        recogniser = Recogniser()
    except Exception as error:
        control.sendall(FAILED + str(error).encode())
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.sendall(READY)
        fork_workers(control, recogniser)


if __name__ == "__main__":
    main()
