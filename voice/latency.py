"""The latency record of a turn: where the silence between a caller's last word and the agent's first went."""

import asyncio
from typing import TYPE_CHECKING

from .audio.frames import EAR_HZ
from .event import TurnLatency
from .reply import Marks, Turn
from .turn import signals as s

if TYPE_CHECKING:
    from .session import Session


def timed(session: "Session", commit: s.Commit) -> Turn:
    """A turn that was committed just now, with the moments of its record."""
    now = asyncio.get_running_loop().time()
    behind = (session.ear.received - commit.at) / EAR_HZ
    turn = Turn(session.name, commit.text, commit.turn, session, keyed=commit.source == "dtmf")
    turn.final = turn.decided = now
    turn.endpoint = now - behind - (commit.at - commit.endpoint_at) / EAR_HZ
    turn.speech_end = now - behind - (commit.at - commit.speech_end) / EAR_HZ
    if commit.source == "text":
        turn.speech_end = turn.endpoint = now
    return turn


def latency_of(turn: Turn, marks: Marks, heard_at: float) -> TurnLatency:
    """The record of a turn whose first sample was heard at loop time `heard_at`, seconds.

    The parts are consecutive: a stage that was ready before the one in front of it (speculation) counts 0, so that they sum to what
    the caller waited; how long the reply was in the making before the turn was certain is its overlap.
    """
    moments = (turn.endpoint, turn.final, marks.model, marks.sentence, marks.sound, marks.sent, heard_at)
    parts: list[float] = []
    reached = turn.speech_end
    for moment in moments:
        parts.append(max(0.0, moment - reached) * 1000)
        reached = max(reached, moment)
    endpoint, asr, model, sentence, tts, send, play = (round(part, 1) for part in parts)
    ready = min(marks.sound or heard_at, turn.decided)
    return TurnLatency(
        endpoint_ms=endpoint, asr_ms=asr, model_ms=model, sentence_ms=sentence, tts_ms=tts, send_ms=send, play_ms=play,
        total_ms=round(endpoint + asr + model + sentence + tts + send + play, 1),
        overlap_ms=round(max(0.0, ready - marks.begun) * 1000, 1) if marks.begun else 0.0, trimmed_ms=round(marks.trimmed_ms, 1),
    )
