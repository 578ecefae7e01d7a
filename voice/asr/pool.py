"""The recogniser's processes, shared by all sessions.

One *loader* process loads the models and forks *workers* from itself, which takes milliseconds and shares the memory. A worker
serves one utterance at a time, so that what kills or hangs one hurts one caller only. There are a few to begin with, one more
is forked whenever the last idle one is taken, and there are never more than `most`. When all are busy, utterances wait in
order of coming: at most `most` of them, with at most 30 s of sound each; whoever comes after that is told that the recogniser
is busy.

Nothing here blocks: sockets are asyncio transports, and only the start and the end of the loader wait in a thread. What goes to
a worker is bounded too: it reads at once, so sound piles up here only when it hangs, and then the utterance fails.
"""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from collections import deque

from . import wire
from .link import Utterance, WorkerLink
from .worker import FAILED, KEPT_BYTES, READY

log = logging.getLogger(__name__)

LOAD_S = 30.0
"""The models load in about a second; a machine ten times slower, and busy, still loads them."""

ANSWER_S = 2.0
"""How long a worker that owes an answer may say nothing. It reports every 100 ms of sound that it works through, which takes
some 25 ms, so silence for this long means that it hangs. Callers must hear of a failure within two seconds (DESIGN §8)."""

RETRIES = 3
"""How often in a row the loader may die, or a worker before it says hello, before the pool gives up."""

GUESSES_REMEMBERED = 1000
"""Words that the log was told of already."""

BUSY = "the recogniser is busy: all its processes serve other callers; try again in a moment"


class WorkerPool:
    """Owns the loader and the workers, and gives each utterance a worker of its own."""

    def __init__(self, *, first: int, most: int) -> None:
        """`first` workers are forked at the start, and never more than `most`."""
        self._first = first
        self._most = most
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._workers: set[WorkerLink] = set()
        self._idle: list[WorkerLink] = []
        self._forking: set[asyncio.Task[None]] = set()
        self._waiting: deque[Utterance] = deque()
        self._reload: asyncio.Task[None] | None = None
        self._barren_loads = 0
        self._stillborn = 0
        self._guessed: list[str] = []
        self._broken = ""
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the loader and of the workers that run."""
        loader = (self._process.pid,) if self._process is not None else ()
        return loader + tuple(worker.pid for worker in self._workers if worker.pid)

    async def start(self) -> None:
        """Loads the models and forks the first workers. Raises RuntimeError with the reason where that fails."""
        await self._load()
        for _ in range(self._first):
            self._fork()
        await asyncio.gather(*self._forking)

    async def close(self) -> None:
        """Ends all processes, and returns when they are gone. No utterance gets a message any more."""
        self._closed = True
        tasks = [task for task in (self._reload, *self._forking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for utterance in self._waiting:
            utterance.stop_timer()
        self._waiting.clear()
        for worker in list(self._workers):
            worker.kill()
        await self._unload()

    # ---- utterances

    def begin(self, utterance: Utterance) -> str:
        """Takes an utterance in. Returns why it cannot, or an empty string."""
        if self._broken:
            return self._broken
        if self._idle:
            self._serve(self._idle.pop(), utterance)
        elif len(self._waiting) >= self._most:
            return BUSY
        else:
            self._waiting.append(utterance)
        if not self._idle:
            self._fork()
        return ""

    def sound(self, utterance: Utterance, pcm: bytes) -> str:
        """Adds sound to it. Returns why it cannot, or an empty string; then the utterance is out of the pool."""
        if utterance.worker is not None:
            if utterance.worker.send(wire.pack(wire.SOUND, pcm)):
                return ""
            worker = utterance.worker
            self._release(utterance)
            worker.kill()
            return "the recogniser does not take sound any more; its process is replaced"
        if utterance.sound_bytes + len(pcm) > KEPT_BYTES:
            self._release(utterance)
            return BUSY
        utterance.sound.append(pcm)
        utterance.sound_bytes += len(pcm)
        return ""

    def end(self, utterance: Utterance) -> None:
        """Asks for the final."""
        utterance.ended = True
        if utterance.worker is not None:
            utterance.worker.send(wire.pack(wire.END))
            utterance.worker.expect_answer(ANSWER_S)
        else:
            utterance.timer = asyncio.get_running_loop().call_later(ANSWER_S, self._give_up, utterance)

    def cancel(self, utterance: Utterance) -> None:
        """Frees the utterance's share. It gets no message any more."""
        worker = utterance.worker
        self._release(utterance)
        if worker is not None:
            worker.cancelling = True
            worker.send(wire.pack(wire.CANCEL))
            worker.expect_answer(ANSWER_S)

    def _release(self, utterance: Utterance) -> None:
        utterance.stop_timer()
        utterance.sound.clear()
        if utterance.worker is not None:
            utterance.worker.utterance = None
            utterance.worker = None
        elif utterance in self._waiting:
            self._waiting.remove(utterance)

    def _give_up(self, utterance: Utterance) -> None:
        self._release(utterance)
        self._tell_failed(utterance, BUSY)

    def _serve(self, worker: WorkerLink, utterance: Utterance) -> None:
        utterance.stop_timer()
        utterance.worker, worker.utterance = worker, utterance
        worker.send(utterance.opening)
        if utterance.sound:
            worker.send(wire.pack(wire.SOUND, b"".join(utterance.sound)))
            utterance.sound.clear()
        if utterance.ended:
            self.end(utterance)

    # ---- workers

    def receive(self, worker: WorkerLink, kind: bytes, body: bytes) -> None:
        """A message came from a worker."""
        if kind == wire.HELLO:
            worker.pid = int(wire.parse_json(body)["pid"])
            self._stillborn = 0
            self._free(worker)
            return
        if kind == wire.GUESSED:
            self._note(wire.parse_json(body)["words"])
            return
        if worker.timer is not None:
            worker.expect_answer(ANSWER_S)
        if worker.cancelling:
            if kind == wire.IDLE:
                worker.cancelling = False
                self._free(worker)
            return
        utterance = worker.utterance
        if kind in (wire.FINAL, wire.FAILED):
            if utterance is not None:
                self._release(utterance)
            self._barren_loads = 0
            self._free(worker)
        if utterance is not None and kind != wire.ALIVE:
            utterance.on_message(kind, body)

    def _note(self, guessed: list[str]) -> None:
        """Every worker that meets a room's words guesses them anew; the log needs them once."""
        new = [word for word in guessed if word not in self._guessed]
        if new:
            self._guessed = (self._guessed + new)[-GUESSES_REMEMBERED:]
            log.info("pronounced by rules of spelling, as no dictionary has them: %s", ", ".join(new))

    def _free(self, worker: WorkerLink) -> None:
        worker.stop_timer()
        if self._waiting:
            self._serve(worker, self._waiting.popleft())
        else:
            self._idle.append(worker)

    def lose(self, worker: WorkerLink) -> None:
        """A worker's socket closed: its process is gone."""
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        utterance = worker.utterance
        if utterance is not None:
            self._release(utterance)
        if self._closed:
            return
        log.warning("recogniser process %d is gone; another takes its place", worker.pid)
        self._stillborn += 0 if worker.pid else 1
        if self._stillborn > RETRIES:
            self._break("the recogniser's processes die as soon as they start; see the log, and restart the server")
        self._fork()
        if utterance is not None:
            self._tell_failed(utterance, "the recogniser's process died in the middle of this utterance; say it again")

    def _fork(self) -> None:
        """Asks for one more worker, if there may be one, and lets the loader be replaced if it is gone."""
        if self._closed or self._broken or len(self._workers) + len(self._forking) >= self._most:
            return
        task = asyncio.get_running_loop().create_task(self._fork_one(), name="asr-fork")
        self._forking.add(task)
        task.add_done_callback(self._forking.discard)

    async def _fork_one(self) -> None:
        if self._reload is not None:
            await asyncio.shield(self._reload)
        if self._control is None:
            return
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
            ours.setblocking(False)
            worker = WorkerLink(self)
            self._workers.add(worker)
            await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
        except OSError as error:
            ours.close()
            log.error("no further recogniser process could be started: %s", error)

    # ---- the loader

    async def _load(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await asyncio.to_thread(_spawn, theirs.fileno())
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOAD_S):
                said = await loop.sock_recv(ours, 4096)
        except TimeoutError:
            said = FAILED + f"it did not load within {LOAD_S:.0f} s".encode()
        if said != READY:
            ours.close()
            await self._unload()
            reason = said.removeprefix(FAILED).decode(errors="replace") or "its process died while loading"
            raise RuntimeError(f"the recogniser could not start: {reason}")
        self._control = ours
        loop.add_reader(ours.fileno(), self._loader_gone)

    async def _unload(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
            self._process = None

    def _loader_gone(self) -> None:
        """The loader says nothing after READY, so its socket turns readable only when it is gone."""
        assert self._control is not None
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        self._control = None
        if not self._closed:
            self._reload = asyncio.get_running_loop().create_task(self._load_again(), name="asr-reload")

    async def _load_again(self) -> None:
        log.warning("the recogniser's loader process is gone; another is started")
        try:
            while True:
                self._barren_loads += 1
                if self._barren_loads > RETRIES:
                    raise RuntimeError("the recogniser's process keeps dying; see the log, and restart the server")
                await self._unload()
                with contextlib.suppress(RuntimeError):
                    await self._load()
                    break
        except RuntimeError as error:
            self._break(str(error))
        finally:
            self._reload = None
        for _ in range(self._first - len(self._workers)):
            self._fork()

    def _break(self, reason: str) -> None:
        log.error("%s", reason)
        self._broken = reason
        waiting = list(self._waiting)
        for utterance in waiting:
            self._release(utterance)
            self._tell_failed(utterance, reason)

    def _tell_failed(self, utterance: Utterance, message: str) -> None:
        utterance.on_message(wire.FAILED, wire.failed_body(message))


def _spawn(fd: int) -> subprocess.Popen[bytes]:
    """Starts the loader in a process group of its own, so that a Ctrl-C in the terminal is not sent to it."""
    command = [sys.executable, "-m", f"{__package__}.worker", str(fd)]
    return subprocess.Popen(command, pass_fds=[fd], stdin=subprocess.DEVNULL, process_group=0)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Waits for the loader, which ends with its workers once its socket is closed; kills it if it hangs."""
    try:
        process.wait(ANSWER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
