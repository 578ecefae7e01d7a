"""How a session asks its end-of-turn model, and how it learns its caller's pauses."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hubbub.voice.asr.base import ASREvent, ASRFinal, ASRStream
from hubbub.voice.session import Session
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.base import VADEngine, VADStream
from quiet_room import QuietRoom

WINDOW = 512


class ScriptedVAD(VADEngine):
    """Its verdicts come from the test, which calls `Session.judged` itself."""

    name = "scripted"
    window_samples = WINDOW

    def open(self) -> VADStream:
        return VADStream(None)

    def judge(self, streams: Sequence[VADStream], windows: np.ndarray) -> np.ndarray:
        raise AssertionError("the test judges")


class ScriptedStream(ASRStream):
    """Answers at once with the next text when its utterance ends."""

    def __init__(self, on_event: Callable[[ASREvent], None], text: str) -> None:
        self.on_event, self.text = on_event, text

    def feed(self, pcm: bytes) -> None: ...

    def end(self) -> None: ...

    def cancel(self) -> None: ...


class Room(QuietRoom):
    """Its recogniser gives these texts in turn; notes the turns."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.streams: list[ScriptedStream] = []
        self.turns: list[s.Commit] = []

    def asr_stream(self, session: Session, on_event: Callable[[ASREvent], None]) -> ASRStream:
        self.streams.append(ScriptedStream(on_event, self.texts[len(self.streams)]))
        return self.streams[-1]

    def commit(self, session: Session, commit: s.Commit) -> None:
        self.turns.append(commit)


class NotingModel:
    """Finds every turn complete, and keeps what it was asked."""

    blocking = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def probability(self, text: str, sound: bytes = b"") -> float:
        self.asked.append((text, len(sound) // 32))
        return 0.9


class Call:
    """A session that is fed window by window."""

    def __init__(self, *texts: str) -> None:
        self.room, self.model = Room(list(texts)), NotingModel()
        policy = TurnPolicy(action_delay_ms=320, timeout_ms=1000, speculation="off")
        self.session = Session("Kim", self.room, vad=ScriptedVAD(), policy=policy, end_of_turn=self.model)

    def feed(self, ms: int, probability: float) -> None:
        level = 5000 if probability > 0.5 else 0
        for _ in range(ms * 16 // WINDOW):
            self.session.ear.advance(WINDOW)
            self.session.hear(np.full(WINDOW, level, np.int16).tobytes())
            self.session.judged(probability)

    def say(self, ms: int, silence_ms: int) -> None:
        """Speech, 192 ms in which the utterance is closed, its final, and the rest of the silence."""
        self.feed(ms, 0.95)
        self.feed(192, 0.01)
        stream = self.room.streams[-1]
        stream.on_event(ASRFinal(stream.text))
        self.feed(silence_ms - 192, 0.01)


def test_the_model_is_given_the_sound_of_the_turn_in_a_pause():
    call = Call("book a room")
    call.feed(992, 0.01)
    call.say(800, 640)
    assert [turn.text for turn in call.room.turns] == ["book a room"]
    ((text, sound_ms),) = call.model.asked
    assert text == "book a room"
    # 320 ms of pre-roll, 800 of speech, and the silence until the utterance was closed
    assert sound_ms == pytest.approx(320 + 800 + 192, abs=33)


def test_the_sound_of_all_utterances_is_kept_and_no_more_than_eight_seconds():
    call = Call(*["because i"] * 14)
    for _ in range(14):
        call.say(704, 288)
    assert not call.room.turns
    lengths = [sound_ms for _, sound_ms in call.model.asked]
    assert lengths[1] > lengths[0] + 900, "the second utterance is heard with the first"
    assert max(lengths) == 8000
    call.feed(992, 0.01)
    assert call.room.turns and not call.session.open_turn.sound, "nothing is kept when the turn is over"


def test_a_caller_with_long_pauses_is_given_more_time():
    hasty, slow = Call(*["go on then"] * 6), Call(*["go on then"] * 6)
    for call, pause_ms in ((hasty, 992), (slow, 288)):
        for _ in range(5):
            call.say(512, pause_ms)
        call.say(512, 992)
    delay_ms = [(call.room.turns[-1].endpoint_at - call.room.turns[-1].speech_end) / 16 for call in (hasty, slow)]
    assert len(hasty.room.turns) == 6 and len(slow.room.turns) == 1
    assert 192 <= delay_ms[0] < 300 < delay_ms[1] <= 576


def test_a_model_that_is_asked_while_the_caller_speaks_is_given_no_sound():
    from hubbub.voice.asr.base import ASRPartial

    call = Call("book a room")
    call.feed(320, 0.95)
    call.room.streams[0].on_event(ASRPartial("book a"))
    assert call.model.asked == [("book a", 0)]
    call.feed(320, 0.95)
    call.feed(192, 0.01)
    assert [text for text, _ in call.model.asked] == ["book a", "book a"]
    assert call.model.asked[1][1] > 600, "the pause itself asks again, with the sound"


def test_a_recogniser_is_given_sound_as_it_comes_and_all_of_it_once():
    class Keeping(ScriptedStream):
        heard = b""

        def feed(self, pcm: bytes) -> None:
            self.heard += pcm

    call = Call("hello")
    room = call.room
    room.asr_stream = lambda session, on_event: room.streams.append(Keeping(on_event, "hello")) or room.streams[-1]
    sound = np.arange(20_000, dtype=np.int16).tobytes()
    for start in range(0, len(sound), 646):
        call.session.advance(323)
        call.session.hear(sound[start : start + 646])
        while call.session.ear.ready:
            call.session.judged(0.95 if call.session.ear.at >= 6 * WINDOW else 0.01)
    onset = 6 * WINDOW
    assert room.streams[0].heard == sound[max(0, onset - 320 * 16) * 2 :], "from the pre-roll to the last sample that came"
    call.session.advance(16_000)
    silence = room.streams[0].heard[len(sound) - max(0, onset - 320 * 16) * 2 :]
    assert len(silence) > 20_000 and not any(silence), "and the silence in the place of what does not come"
