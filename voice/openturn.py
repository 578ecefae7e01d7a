"""The open turn of a caller, outside the turn machine: the recognisers of its utterances, its pauses, and how complete it is.

What recognisers and the end-of-turn model find is fed to the turn machine as inputs (`Session.step`).
"""

import logging
import weakref
from typing import TYPE_CHECKING

from .asr.base import ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial
from .completeness import CompletenessJudge
from .event import Error
from .turn import machine
from .turn import signals as s
from .turn.complete import CombinedEndOfTurn, EndOfTurnModel
from .turn.hum import is_hum
from .turn.pauses import PauseHabit, PauseWatch
from .turn.policy import in_samples
from .turn.words import claims_floor
from .utterances import Utterances

if TYPE_CHECKING:
    from .session import Session

log = logging.getLogger("hubbub.session")


class OpenTurn:
    """A session's open turn, one after another."""

    def __init__(self, session: "Session", end_of_turn: EndOfTurnModel | None = None) -> None:
        self.asr_memory = ASRMemory()
        """What recognisers have learnt of this caller."""
        self._session = weakref.proxy(session)  # whose part this is
        self._closed = False
        self._utterances = Utterances()
        self._pauses = PauseWatch(PauseHabit(in_samples(session.policy.action_delay_ms)))
        self.completeness = CompletenessJudge(end_of_turn or CombinedEndOfTurn(), self._complete)

    @property
    def sound(self) -> bytes:
        """What was said in it so far: PCM16 at 16 kHz, the last seconds; empty between turns."""
        return self._utterances.sound

    def feed(self, pcm: bytes) -> None:
        """Sound has come (PCM16 at 16 kHz), and no VAD has judged it yet."""
        self._utterances.feed(pcm)

    def keep(self, pcm: bytes) -> None:
        """Sound of the turn that was judged (PCM16 at 16 kHz)."""
        self._utterances.keep(pcm)

    def begin(self, utterance: int, start: int, onset: int) -> None:
        """An utterance begins, in samples of the ear: its recogniser hears from `start`, its speech was noticed at `onset`."""
        session = self._session

        def on_event(event: ASREvent) -> None:
            self._recognised(utterance, event)

        stream = session.room.asr_stream(session, on_event)
        goes_on = any(known != utterance for known in (*session.state.owed, *(known for known, _ in session.state.texts)))
        self._utterances.open(utterance, stream, session.ear.since(start), session.ear.waiting(), goes_on=goes_on)
        self._pauses.opened(onset, goes_on=goes_on)

    def pause(self, utterance: int, end: int) -> None:
        """An utterance ended at `end`, in samples of the ear: its final is asked for."""
        self._utterances.end(utterance)
        self._pauses.closed(end)

    def drop(self, utterance: int) -> None:
        """It was no speech."""
        self._utterances.drop(utterance)

    def interrupted(self) -> None:
        """The caller breaks into a reply with it."""
        self._pauses.interrupted()

    def commit(self) -> None:
        """It is over."""
        self._utterances.close()
        self._pauses.committed()

    def abandon(self) -> None:
        """There was nothing in it."""
        self._utterances.close()

    def close(self) -> None:
        """The caller has gone: frees what it holds."""
        self._closed = True
        self._utterances.close()
        self.completeness.close()

    def judge_completeness(self, utterance: int) -> None:
        """Asks the end-of-turn model about the turn as it stands after this utterance."""
        state = self._session.state
        if state.text and any(known == utterance for known, _ in state.texts):
            pausing = state.ear is machine.Ear.PAUSING  # the sound says something where it ends, and is dear to look at
            self.completeness.ask(utterance, state.text, state.last_voice if pausing else 0, lambda: self.sound)

    def _complete(self, utterance: int, probability: float) -> None:
        if self._closed:
            return
        self._session.step(s.Completeness(self._session.now, utterance, probability, self._pauses.habit.factor))
        self._session.hurry()

    def _recognised(self, utterance: int, event: ASREvent) -> None:
        if self._closed:
            return
        session = self._session
        match event:
            case ASRPartial(text, claim):
                text, claim = self._unless_hummed(utterance, text, claim)
                session.step(s.Partial(session.now, utterance, text, claim))
                self.judge_completeness(utterance)
            case ASRFinal(text=text, claim=claim):
                self._utterances.forget(utterance)
                text, claim = self._unless_hummed(utterance, text, claim)
                session.step(s.Final(session.now, utterance, text, claim))
                self.judge_completeness(utterance)
            case ASRError(message):
                self._utterances.forget(utterance)
                log.error("session=%s room=%s asr failed: %s", session.id, session.room.name, message)
                session.emit(Error(at_ms=session.now_ms, code="asr_failed", message=message))
                session.step(s.Final(session.now, utterance, ""))
        if session.state.text:
            session.screen.show_transcript(session.state.turn, session.state.text, final=False)
        session.hurry()

    def _unless_hummed(self, utterance: int, text: str, claim: float | None) -> tuple[str, float | None]:
        """What was recognised, but "mm-hm" for a hum over a reply of which a recogniser made words."""
        state = self._session.state
        newest = state.barged > 0 and utterance == state.utterance
        claims = claims_floor(text) or (not text and claim is not None)
        if newest and claims and is_hum(self._session.ear.since(state.onset)):
            return "mm-hm", None if claim is None else 0.0
        return text, claim
