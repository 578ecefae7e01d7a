"""A call's sound on its way to a carrier: exact messages, marks, clears, level, no clicks."""

import numpy as np
import pytest
from hubbub.voice.audio.level import rms_dbfs
from hubbub.voice.gateway.telephony.coding import decode, frame_bytes
from hubbub.voice.gateway.telephony.mouth import FIRST_MS, CarrierMouth
from hubbub.voice.gateway.telephony.wire.base import Clear, Coding, Mark, Media
from hubbub.voice.playout import Sound
from hypothesis import given, settings
from hypothesis import strategies as st

FRAME = 480
CODINGS = [Coding("ulaw", 8000), Coding("alaw", 8000), Coding("l16", 8000), Coding("l16", 16000), Coding("l16", 24000)]


def tone(ms: int, hz: int = 440, level: float = 8000) -> bytes:
    at = np.arange(ms * 24) / 24_000
    return (level * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


def sounds(pcm: bytes, reply: int = 1, offset: int = 0, *, last: bool = True):
    for start in range(0, len(pcm), FRAME * 2):
        piece = pcm[start : start + FRAME * 2]
        yield Sound(reply, offset + start // 2, piece, last and start + FRAME * 2 >= len(pcm))


def speak(mouth: CarrierMouth, pcm: bytes, reply: int = 1, offset: int = 0, *, last: bool = True, now: float = 0.0):
    return [message for sound in sounds(pcm, reply, offset, last=last) for message in mouth.sound(sound, now)]


def heard(mouth: CarrierMouth, messages) -> np.ndarray:
    payload = b"".join(message.payload for message in messages if isinstance(message, Media))
    return np.frombuffer(decode(mouth.coding, payload), "<i2").astype(float)


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_every_message_has_exactly_its_size_and_the_level_is_kept(coding):
    mouth = CarrierMouth(coding)
    messages = speak(mouth, tone(1010))
    media = [message for message in messages if isinstance(message, Media)]
    assert {len(message.payload) for message in media} == {frame_bytes(coding)}
    assert len(media) == 51, "1010 ms fill 51 messages"
    middle = heard(mouth, messages)[coding.rate_hz // 10 : coding.rate_hz * 9 // 10]
    assert abs(rms_dbfs(middle.astype("<i2").tobytes()) - rms_dbfs(tone(800))) < 0.3
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    assert abs(spectrum.argmax() * coding.rate_hz / middle.size - 440) < 3


def test_nothing_above_the_telephones_band_folds_back_into_it():
    mouth = CarrierMouth(Coding("l16", 8000))
    folded = heard(mouth, speak(mouth, tone(500, 7000)))[800:3000]
    assert rms_dbfs(folded.astype("<i2").tobytes()) < -70


def test_sound_begins_and_goes_on_after_a_clear_without_a_click():
    mouth = CarrierMouth(Coding("l16", 8000))
    loud = (np.ones(24 * 200) * 9000).astype("<i2").tobytes()
    first = heard(mouth, speak(mouth, loud, last=False))
    assert abs(first[0]) < 200 and np.abs(np.diff(first[:120])).max() < 600
    mouth.clear(0.1)
    again = heard(mouth, speak(mouth, loud[FRAME * 2 :], offset=FRAME))
    assert abs(again[0]) < 200 and np.abs(np.diff(again[:120])).max() < 600


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_every_frame_of_a_reply_leaves_at_once(coding):
    mouth = CarrierMouth(coding)
    for number, sound in enumerate(sounds(tone(200), last=False)):
        messages = mouth.sound(sound, number * 0.02)
        assert [type(message) for message in messages][:1] == [Media], "none waits for the next"


def test_marks_stand_after_the_first_frame_each_60_ms_and_at_the_end():
    mouth = CarrierMouth(Coding("ulaw", 8000))
    messages = speak(mouth, tone(310))
    places, media = [], 0
    for message in messages:
        if isinstance(message, Media):
            media += 1
        else:
            places.append((media, mouth.played(message.name)))
    assert places == [
        (1, (1, 432)), (4, (1, 1872)), (7, (1, 3312)), (10, (1, 4752)), (13, (1, 6192)), (16, (1, 7440)), (16, (1, 7440)),
    ]  # fmt: skip


def test_marks_that_come_back_because_of_a_clear_say_nothing():
    mouth = CarrierMouth(Coding("ulaw", 8000))
    marks = [message.name for message in speak(mouth, tone(200), last=False) if isinstance(message, Mark)]
    assert mouth.played(marks[0]) == (1, 432)
    assert mouth.clear(0.1) == [Clear()]
    assert [mouth.played(mark) for mark in marks] == [None] * len(marks)
    for foreign in ("", "x", "1.2", "1.2.3.4", "0.1.x", "0.1.\u0662", "9" * 20 + ".1.1"):
        assert mouth.played(foreign) is None
    fresh = [message.name for message in speak(mouth, tone(100)[FRAME * 2 :], offset=FRAME) if isinstance(message, Mark)]
    assert mouth.played(fresh[0]) == (1, 912)


def test_a_clear_is_sent_only_where_something_may_be_left_to_throw_away():
    mouth = CarrierMouth(Coding("ulaw", 8000))
    assert mouth.clear(0.0) == []
    speak(mouth, tone(100), last=False)
    assert mouth.clear(0.1) == [Clear()] and mouth.clear(0.1) == []
    assert mouth.ahead_ms(0.1) == 0


def test_the_next_reply_does_not_swallow_the_end_of_the_one_before():
    mouth = CarrierMouth(Coding("l16", 8000))
    messages = speak(mouth, tone(50), last=False) + speak(mouth, tone(50), reply=2)
    assert heard(mouth, messages).size >= 8 * 98
    assert mouth.played([message.name for message in messages if isinstance(message, Mark)][-1]) == (2, 1200)


def test_a_reply_without_sound_is_reported_played():
    mouth = CarrierMouth(Coding("ulaw", 8000))
    (mark,) = mouth.sound(Sound(3, 0, b"", True), 0.0)
    assert mouth.played(mark.name) == (3, 0)


def test_exotel_gets_a_tenth_of_a_second_at_a_time():
    mouth = CarrierMouth(Coding("l16", 8000), message_ms=100)
    media = [message for message in speak(mouth, tone(250)) if isinstance(message, Media)]
    assert [len(message.payload) for message in media] == [1600, 1600, 960], "the end in whole frames"


def test_by_the_clock_a_carrier_is_never_further_than_it_can_have_played():
    mouth = CarrierMouth(Coding("l16", 24_000))
    speak(mouth, tone(200), last=False, now=1.0)
    assert [mouth.reached(at) for at in (1.0, 1.05, 1.2, 3.0)] == pytest.approx([0, 1200, 4800, 4800], abs=1)
    speak(mouth, tone(100), offset=4800, last=False, now=3.0)
    assert mouth.reached(3.05) == pytest.approx(6000, abs=1), "it ran dry meanwhile"


def test_other_callers_are_mixed_into_a_reply_and_heard_alone_when_nothing_else_plays():
    mouth = CarrierMouth(Coding("l16", 8000))
    voice = tone(20, 1000, 3000)
    alone = [mouth.voices(voice, number * 0.02) for number in range(10)]
    assert sum(len(messages) for messages in alone) >= 9, "each leaves about as it comes"
    reply = list(sounds(tone(300), last=False))
    out = []
    for number, sound in enumerate(reply):
        now = 1 + number * 0.02
        out += mouth.voices(voice, now) + mouth.sound(sound, now)
    mixed = heard(mouth, out)
    spectrum = np.abs(np.fft.rfft(mixed[400:2000] * np.hanning(1600)))
    assert spectrum[200] > 0.1 * spectrum[88] > 0, "1000 Hz beside 440 Hz"
    assert len([message for message in out if isinstance(message, Media)]) <= len(reply) + 2, "the reply is not held up"


def test_voices_never_fill_the_carriers_buffer_nor_grow_old():
    mouth = CarrierMouth(Coding("ulaw", 8000))
    for number in range(50):
        mouth.sound(Sound(1, number * FRAME, tone(20), False), 0.0)
    for number in range(30):
        assert mouth.voices(tone(20), number * 0.02) == [], "a second of the reply waits at the carrier"
    assert mouth.ahead_ms(0.0) == pytest.approx(1000, abs=25)
    mouth.clear(5.0)
    late = mouth.voices(tone(20), 5.0)
    assert len(late) <= 1, "what waited is too old to be heard"


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 1200), min_size=1, max_size=30),
    coding=st.sampled_from(CODINGS),
    message_ms=st.sampled_from([20, 100]),
)
def test_however_a_reply_is_cut_up_all_of_it_is_sent_and_marked_to_its_end(sizes, coding, message_ms):
    mouth = CarrierMouth(coding, message_ms=message_ms)
    out, offset = [], 0
    for number, size in enumerate(sizes):
        out += mouth.sound(Sound(1, offset, bytes(size * 2), number == len(sizes) - 1), 0.0)
        offset += size
    sent = sum(coding.samples(message.payload) for message in out if isinstance(message, Media))
    assert -1 <= sent - offset * coding.rate_hz / 24_000 <= coding.rate_hz * (message_ms + FIRST_MS) // 1000 + 1
    places = [mouth.played(message.name) for message in out if isinstance(message, Mark)]
    assert places == sorted(places) and places[-1] == (1, offset)
