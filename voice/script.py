"""A room by script: a program that drives who speaks, to whom, and what comes of it.

A script is a Python file with `async def play(stage)`. It runs from when the first caller comes until it returns, or the room closes;
with the floor's policy `script` nobody speaks but on its word. What it says and asks is spoken aloud like any other reply: people may
break in, and what it gets back is what was *heard*.

    async def play(stage):
        await stage.say("Judge", "Welcome. Who opens?")
        turn = await stage.listen()                                   # a person's next turn
        await stage.tell(f"{turn.name} opens: {turn.get_text_content()}")
        await sequential_pipeline(stage.agents("Ava", "Ben"), turn)   # one after another, aloud
"""

import asyncio
import importlib.util
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from ..agents.agent.base import AgentBase
from ..agents.message import Msg, as_messages
from .reply import AgentSeat, ReplyRun, Turn
from .room import VoiceRoom
from .session import Session

log = logging.getLogger("hubbub.script")

Play = Callable[["Stage"], Awaitable[Any]]

MAX_TURNS = 64
"""Turns of people that wait for a script; more drop the oldest."""

GIVE_UP_AFTER = 3
"""How often in a row a script that fails is begun again."""


class ScriptError(Exception):
    """A script that cannot be used."""


def load_script(path: str) -> Play:
    """The function `play` of a Python file. Raises ScriptError."""
    spec = importlib.util.spec_from_file_location("hubbub_room_script", path)
    if spec is None or spec.loader is None:
        raise ScriptError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScriptError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    play = getattr(module, "play", None)
    if not callable(play):
        raise ScriptError(f"{path} has no function 'play': a script is a file with 'async def play(stage)'")
    checked: Play = play
    return checked


class Stage:
    """What a script sees of its room."""

    def __init__(self, room: VoiceRoom, play: Play | None = None) -> None:
        self.room = room
        self._play = play
        self._turns: deque[Msg] = deque(maxlen=MAX_TURNS)
        self._came = asyncio.Event()
        self._people = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        room.talk.on_turn = self._hear
        room.on_join = self._joined

    def start(self) -> None:
        """Begins the script when the first caller is there."""
        self._task = asyncio.create_task(self._run(), name=f"script-{self.room.name}")

    async def close(self) -> None:
        """Ends the script."""
        self.room.talk.on_turn = None
        self.room.on_join = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ── who is there ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def callers(self) -> list[str]:
        """The names of the people in the room."""
        return [session.name for session in self.room.sessions.values()]

    @property
    def agent_names(self) -> list[str]:
        """The names of the agents in the room."""
        return [seat.name for seat in self.room.seats]

    def agent(self, name: str, *, to: Sequence[str] | None = None) -> "OnStage":
        """An agent that speaks aloud when it is asked: for pipelines. `to`: only these callers hear it. Raises room.Unknown."""
        return OnStage(self, name, to)

    def agents(self, *names: str) -> "list[OnStage]":
        """The same for several; for all without names."""
        return [OnStage(self, name, None) for name in names or self.agent_names]

    # ── speaking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def say(self, agent: str, text: str, *, to: Sequence[str] | None = None) -> Msg | None:
        """Lets an agent say given words; answers what was heard of them. Raises room.Unknown."""
        return await self._spoken(self.room.talk.say(self.room.seat(agent), text, self._listeners(to)))

    async def ask(
        self, agent: str, msg: Msg | Iterable[Msg] | str | None = None, *, to: Sequence[str] | None = None, **options: Any
    ) -> Msg | None:
        """Lets an agent answer aloud; answers what was heard, with structured output (`structured_model`) as its metadata.

        `to`: only these callers hear it, and no other agent. Raises room.Unknown.
        """
        msgs = [Msg("Script", msg, "user")] if isinstance(msg, str) else as_messages(msg) or None
        return await self._spoken(self.room.talk.ask(self.room.seat(agent), msgs, self._listeners(to), **options))

    async def think(self, agent: str, msg: Msg | str | None = None, **options: Any) -> Msg:
        """Lets an agent answer without a sound, for the script alone: a vote, a choice. It remembers it. Raises room.Unknown."""
        asked = Msg("Script", msg, "user") if isinstance(msg, str) else msg
        return await self.room.seat(agent).agent.reply(asked, **options)

    async def tell(self, text: str, *, agents: Sequence[str] | None = None, name: str = "Script") -> None:
        """Tells agents something that nobody hears: all, or some."""
        for seat in self.room.seats:
            if agents is None or seat.name in agents:
                await seat.agent.observe(Msg(name, text, "user"))

    # ── listening ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def listen(self, *, to: str | None = None, within_s: float | None = None) -> Msg | None:
        """The next turn of a person, or of the person `to`; turns of others are passed over. None when nothing came in time."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._turns:
                        turn = self._turns.popleft()
                        if to is None or turn.name == to:
                            return turn
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return None

    def forget(self) -> None:
        """Turns that came before now are not listened to."""
        self._turns.clear()

    async def pause(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        assert self._play is not None
        failed = 0
        while failed < GIVE_UP_AFTER:
            await self._people.wait()
            try:
                await self._play(self)
                return
            except Exception:
                failed += 1
                log.exception("room=%s the script failed", self.room.name)

    def _joined(self, session: Session) -> None:
        self._people.set()

    def _hear(self, turn: Turn) -> None:
        self._turns.append(turn.msg)
        self._came.set()

    def _listeners(self, to: Sequence[str] | None) -> list[Session] | None:
        return None if to is None else [self.room.caller(name) for name in to]

    async def _spoken(self, run: ReplyRun | None) -> Msg | None:
        if run is None:
            return None
        await run.settled.wait()
        heard = run.outcome
        if heard is None or not run.metadata:
            return heard
        return heard.copy_with(metadata={**run.metadata, **heard.metadata})


class OnStage(AgentBase):
    """An agent of the room, for pipelines: asked, it speaks aloud when the floor is free, and answers what was heard."""

    def __init__(self, stage: Stage, name: str, to: Sequence[str] | None) -> None:
        super().__init__(name)
        self._stage = stage
        self._to = to

    @property
    def seat(self) -> AgentSeat:
        """The agent's seat. Raises room.Unknown."""
        return self._stage.room.seat(self.name)

    async def __call__(self, msg: Any = None, **options: Any) -> Msg:
        """Speaks; an empty message where nobody heard it."""
        heard = await self._stage.ask(self.name, msg, to=self._to, **options)
        return heard if heard is not None else Msg(self.name, "", "assistant")

    async def observe(self, msg: Msg | Iterable[Msg] | None) -> None:
        """Hears without answering."""
        await self.seat.agent.observe(msg)
