"""What a line loses is filled in: the pitch goes on and fades, nothing is delayed, and silence that was said stays silence."""

import numpy as np
import numpy.typing as npt
import pytest
from hubbub.voice.audio.conceal import GONE_MS, STEADY_MS, Concealer
from hubbub.voice.audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

RATE_HZ = 8000
FRAME = 160


def voice(seconds: float, pitch_hz: float = 110.0, level: float = 6000.0) -> npt.NDArray[np.int16]:
    """A steady vowel: harmonics of a pitch, the first the loudest."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * pitch_hz * n * at + n) / n for n in range(1, 12))
    return np.rint(level * wave / np.abs(wave).max()).astype(np.int16)


def frames(sound: npt.NDArray[np.int16]) -> list[bytes]:
    return [sound[at : at + FRAME].tobytes() for at in range(0, len(sound) - FRAME + 1, FRAME)]


def over(sound: npt.NDArray[np.int16], lost: set[int], nothing: bytes = bytes(2 * FRAME)) -> tuple[npt.NDArray[np.int16], Concealer]:
    """The sound after a line that loses these frames."""
    concealer = Concealer(RATE_HZ)
    heard = [concealer.push(nothing if place in lost else frame) for place, frame in enumerate(frames(sound))]
    return np.frombuffer(b"".join(heard), np.int16), concealer


def level_db(sound: npt.NDArray[np.int16]) -> float:
    return float(10 * np.log10(max(1e-9, np.mean(sound.astype(float) ** 2))))


@pytest.mark.parametrize("pitch_hz", [80.0, 110.0, 210.0, 290.0])
def test_a_vowel_goes_on_in_its_pitch_through_a_lost_frame(pitch_hz: float) -> None:
    sound = voice(0.6, pitch_hz)
    heard, _ = over(sound, {15})
    hole = slice(15 * FRAME, 16 * FRAME)
    error = heard[hole].astype(float) - sound[hole]
    assert level_db(np.rint(error).astype(np.int16)) < level_db(sound[hole]) - 6
    steps = np.abs(np.diff(heard.astype(int)))
    assert steps.max() <= 1.6 * np.abs(np.diff(sound.astype(int))).max()  # no click where it begins, is repeated, or ends


def test_a_burst_fades_evenly_and_ends_in_silence() -> None:
    heard, concealer = over(voice(0.8), set(range(15, 25)))
    ages_ms = (5, 40, 75, 105)
    levels = [level_db(heard[15 * FRAME + age * 8 - 40 :][:80]) for age in ages_ms]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > level_db(heard[14 * FRAME : 15 * FRAME]) - 3
    silent = heard[15 * FRAME + GONE_MS * 8 : 25 * FRAME]
    assert not silent.any()
    assert concealer.concealed == GONE_MS // 10
    assert STEADY_MS < GONE_MS


def test_what_comes_again_is_faded_into_and_then_untouched() -> None:
    sound = voice(0.6)
    heard, _ = over(sound, {10, 11})
    again = slice(12 * FRAME, 13 * FRAME)
    assert not np.array_equal(heard[again][:40], sound[again][:40])
    assert np.array_equal(heard[again][80:], sound[again][80:])
    assert np.array_equal(heard[13 * FRAME :], sound[13 * FRAME :])


def test_no_sound_is_made_of_silence_that_was_said() -> None:
    """A gate, comfort noise's end, a word's: what dies away is over, and what follows silence has no past."""
    sound = voice(0.3)
    dying = (sound * np.linspace(1, 0, len(sound)) ** 3).astype(np.int16)
    faint = voice(0.3, level=120.0)
    for said in (dying, faint, np.zeros(FRAME * 10, np.int16)):
        whole = np.concatenate([said, np.zeros(FRAME * 10, np.int16)])
        heard, concealer = over(whole, set())
        assert concealer.concealed == 0
        assert np.array_equal(heard, whole)
    blip = np.concatenate([np.zeros(FRAME * 3, np.int16), voice(0.02), np.zeros(FRAME * 3, np.int16)])
    assert over(blip, set())[1].concealed == 0  # 20 ms are too little to go on from


def test_both_codings_nothing_counts_as_lost() -> None:
    for encode, decode in ((encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)):
        nothing = decode(encode(bytes(2 * FRAME)))
        _, concealer = over(voice(0.4), {12}, nothing)
        assert concealer.concealed == 2


def test_as_much_comes_out_as_went_in_whatever_the_chunks() -> None:
    random = np.random.default_rng(3)
    sound = voice(1.0)
    sound[3000:3700] = 0
    concealer, at = Concealer(RATE_HZ), 0
    while at < len(sound):
        size = int(random.integers(1, 400))
        chunk = sound[at : at + size]
        assert len(concealer.push(chunk.tobytes())) == 2 * len(chunk)
        at += size
    assert concealer.push(b"") == b""
    with pytest.raises(ValueError, match="odd"):
        concealer.push(b"abc")
