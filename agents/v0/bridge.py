"""From synchronous calls to one event loop in a thread."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Sequence
from functools import cache
from types import TracebackType
from typing import Any, TypeVar

from ..agent.base import AgentBase
from ..hub import MsgHub
from ..message import Msg

T = TypeVar("T")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="hubbub v0", daemon=True).start()
    return loop


def wait(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine on the bridge's loop and waits for it. Raises RuntimeError inside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()
    coroutine.close()
    raise RuntimeError("hubbub.agents.v0 is for synchronous programs; inside an event loop use hubbub.agents and await")


class SyncAgent:
    """An agent that is called without `await`, around one that is not."""

    def __init__(self, agent: AgentBase) -> None:
        self.agent = agent

    @property
    def name(self) -> str:
        """The agent's name."""
        return self.agent.name

    def __call__(self, x: Msg | None = None) -> Msg:
        """Answers; the content of the answer is text, as it was in 0.x."""
        answer = wait(self.agent(x))
        return answer if isinstance(answer.content, str) else answer.copy_with(content=answer.get_text_content())

    def observe(self, x: Msg | Sequence[Msg]) -> None:
        """Hears messages without answering."""
        wait(self.agent.observe(x))


class msghub:
    """`with msghub(participants, announcement) as hub:` with `hub.add`, `hub.delete` and `hub.broadcast`."""

    def __init__(self, participants: Sequence[SyncAgent], announcement: Msg | list[Msg] | None = None) -> None:
        self._hub = MsgHub([one.agent for one in participants], announcement)

    def __enter__(self) -> "msghub":
        wait(self._hub.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        wait(self._hub.__aexit__(kind, error, trace))

    def add(self, new_participant: SyncAgent | Iterable[SyncAgent]) -> None:
        """Seats participants."""
        self._hub.add([one.agent for one in _all(new_participant)])

    def delete(self, participant: SyncAgent | Iterable[SyncAgent]) -> None:
        """Removes participants, in both directions."""
        self._hub.delete([one.agent for one in _all(participant)])

    def broadcast(self, msg: Msg | list[Msg]) -> None:
        """Tells all participants."""
        wait(self._hub.broadcast(msg))


def _all(agents: SyncAgent | Iterable[SyncAgent]) -> list[SyncAgent]:
    return [agents] if isinstance(agents, SyncAgent) else list(agents)
