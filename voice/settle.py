"""What is left to do when a reply has ended: memory is made true, and everybody is told how it ended and how long it took.

Plain functions on a reply's run; the conversation decides when.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from ..agents.hub import MsgHub
from ..agents.message import Msg
from .event import Reply
from .event import Turn as TurnEvent
from .latency import latency_of
from .operate.turns import AnsweredTurn
from .reply import ReplyRun

if TYPE_CHECKING:
    from ..agents.agent.base import AgentBase
    from .telemetry import Metrics

log = logging.getLogger("hubbub.room")


async def remember(run: ReplyRun, heard: str, by: str | None, hub: MsgHub | None, told: "tuple[AgentBase, ...]" = ()) -> Msg | None:
    """Makes memory true: what was heard of the reply, and no more, is what was said. Ends the run first.

    `by`: who broke in. `hub`: who else hears of it, but for `told`, who have it already; None where nobody does. Answers what the
    others were told.
    """
    await run.stop()
    agent = run.seat.agent
    unheard = run.text[len(heard) :]
    cut = was_cut(run, heard, by)
    if run.fixed or not run.reply_id:
        if heard:
            await agent.observe(Msg(agent.name, heard, "assistant"))
    elif cut:
        await agent.record_heard(run.reply_id, heard, unheard, by=by)
    if not heard:
        return None
    mark = {"interrupted": {"by": by, "unheard": unheard}} if cut else {}
    msg = Msg(agent.name, heard, "assistant", mark)
    if hub is not None:
        await hub.broadcast(msg, exclude=(agent, *told))
    return msg


def was_cut(run: ReplyRun, heard: str, by: str | None) -> bool:
    """Whether something of the reply was not heard, or it was broken off before its first word."""
    return bool(run.text[len(heard) :].strip()) or (by is not None and not run.text)


def ending(run: ReplyRun, heard: str, by: str | None) -> Reply:
    """The event with which a reply ends."""
    cut = was_cut(run, heard, by)
    reason: Any = "error" if run.failure else "interrupted" if cut else run.reason or "completed"
    return Reply(
        reply=run.number, agent=run.seat.name, text=heard, unheard=run.text[len(heard) :], final=True, turn=run.turn.number,
        interrupted=cut, interrupted_by=by if cut else None, reason=reason,
    )


def report_latency(run: ReplyRun, heard_at: float, room: str, engines: dict[str, str], metrics: "Metrics") -> None:
    """Tells the one who asked how long he waited, once; `heard_at` is loop time in seconds."""
    session = run.turn.session
    if run.reported or session is None:
        return
    run.reported = True
    latency = latency_of(run.turn, run.marks, heard_at)
    event = TurnEvent(
        at_ms=session.now_ms, turn=run.turn.number, speaker=run.turn.speaker, agent=run.seat.name, reply=run.number,
        latency=latency, engines=engines,
    )
    metrics.turn(latency, AnsweredTurn(time.time(), room, session.id, event))
    session.emit(event)
    log.info(
        "room=%s session=%s name=%s agent=%s turn=%d reply=%d latency total=%.0f endpoint=%.0f asr=%.0f model=%.0f sentence=%.0f tts=%.0f "
        "send=%.0f play=%.0f overlap=%.0f trimmed=%.0f",
        room, session.id, session.name, run.seat.name, run.turn.number, run.number, latency.total_ms, latency.endpoint_ms, latency.asr_ms,
        latency.model_ms, latency.sentence_ms, latency.tts_ms, latency.send_ms, latency.play_ms,
        latency.overlap_ms, latency.trimmed_ms,
    )


async def stop_all(runs: list[ReplyRun]) -> None:
    """Ends runs without settling them: the room closes."""
    await asyncio.gather(*(run.stop() for run in runs), return_exceptions=True)
