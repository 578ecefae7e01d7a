"""Telling a machine's greeting from a person's."""

import numpy as np
import pytest
from hubbub.voice.gateway.telephony.greeting import GreetingDetector, GreetingPolicy
from hypothesis import given, settings
from hypothesis import strategies as st

RATE = 8000
_rng = np.random.default_rng(3)


def noise(ms: int, level: float = 20) -> np.ndarray:
    return _rng.normal(0, level, ms * 8)


def voice(ms: int) -> np.ndarray:
    """Something like speech: a gliding buzz that rises and falls four times a second."""
    at = np.arange(ms * 8) / RATE
    pitch = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 1.7 * at)) / RATE
    buzz = sum(np.sin(n * pitch) / n**0.7 for n in range(1, 18))
    return 1800 * buzz * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at)) + noise(ms)


def beep(ms: int, hz: float = 1000) -> np.ndarray:
    return 6000 * np.sin(2 * np.pi * hz * np.arange(ms * 8) / RATE) + noise(ms)


def run(*parts: np.ndarray, policy: GreetingPolicy | None = None) -> list[tuple[str, int]]:
    detector = GreetingDetector(RATE, policy or GreetingPolicy())
    pcm = np.concatenate(parts).astype("<i2").tobytes()
    found = []
    for at in range(0, len(pcm) - 319, 320):
        verdict = detector.hear(pcm[at : at + 320])
        if verdict is not None:
            found.append((verdict, detector.at_ms))
    return found


def test_a_short_hello_and_a_pause_are_a_person():
    ((verdict, at_ms),) = run(noise(600), voice(700), noise(3000))
    assert verdict == "human" and 2200 <= at_ms <= 2400


def test_a_person_may_pause_within_a_greeting():
    ((verdict, _),) = run(noise(300), voice(400), noise(400), voice(600), noise(3000))
    assert verdict == "human"


def test_a_long_greeting_is_a_machine_and_its_beep_is_when_to_speak():
    (first, at_ms), (second, beeped_at) = run(noise(400), voice(2000), noise(300), voice(3000), noise(500), beep(400), noise(3000))
    assert (first, second) == ("machine", "beep")
    assert at_ms < 3200 and 6200 + 400 <= beeped_at <= 6200 + 460, "when it is over: what is said into it is not recorded"


@pytest.mark.parametrize("hz", [440, 850, 1000, 1400, 2000])
def test_beeps_of_many_pitches_are_heard(hz):
    assert run(noise(200), voice(3000), noise(300), beep(300, hz), noise(500))[-1][0] == "beep"


def test_a_machine_without_a_beep_records_after_a_silence():
    (_, _), (second, at_ms) = run(noise(400), voice(4000), noise(4000))
    assert second == "beep" and 5700 <= at_ms <= 6000


def test_a_beep_at_once_is_a_machine():
    assert [verdict for verdict, _ in run(noise(500), beep(500), noise(1000))] == ["machine", "beep"]


def listening(words: str | None, *parts: np.ndarray) -> list[tuple[str, int]]:
    """What is found where the words are known from the beginning."""
    detector = GreetingDetector(RATE)
    found = [(verdict, 0) for verdict in [detector.hear_words(words)] if verdict]
    pcm = np.concatenate(parts).astype("<i2").tobytes()
    for at in range(0, len(pcm) - 319, 320):
        if (verdict := detector.hear(pcm[at : at + 320])) is not None:
            found.append((verdict, detector.at_ms))
    return found


@pytest.mark.parametrize(
    ("words", "spoken_ms", "verdict"),
    [
        (None, 3000, "machine"), ("", 2000, "human"), ("", 3000, "machine"), ("city bakery", 3000, "machine"), ("", 4000, "machine"),
        ("good morning how can i help you", 4500, "human"), ("hello who is this", 800, "human"), ("who is this", 6500, "machine"),
        ("hey it's tom leave a message", 1500, "machine"), ("hi you have reached maria", 1000, "machine"),
        ("您拨打的电话已关机", 2000, "machine"), ("喂 请问哪位", 4000, "human"),
    ],
)  # fmt: skip
def test_words_tell_a_short_machine_and_a_long_person(words: str | None, spoken_ms: int, verdict: str) -> None:
    assert listening(words, noise(300), voice(spoken_ms), noise(1600))[0][0] == verdict


def test_a_recogniser_that_fails_leaves_it_to_the_lengths() -> None:
    detector = GreetingDetector(RATE)
    detector.hear_words("")
    assert detector.hear_words(None) is None
    pcm = np.concatenate([noise(300), voice(2800)]).astype("<i2").tobytes()
    verdicts = [detector.hear(pcm[at : at + 320]) for at in range(0, len(pcm) - 319, 320)]
    assert "machine" in verdicts
    assert detector.hear_words("leave a message") is None, "it is known already"


def test_a_tone_that_does_not_end_is_not_waited_for():
    (_, _), (second, at_ms) = run(noise(200), voice(3000), noise(300), beep(6000))
    assert second == "beep" and 6400 <= at_ms <= 6600


def test_a_silent_line_is_unknown_after_a_while():
    assert run(noise(8000)) == [("unknown", 5000)]
    assert run(np.zeros(8 * 8000)) == [("unknown", 5000)]


def test_noise_that_begins_and_stays_is_no_greeting_for_ever():
    assert run(noise(300), noise(20_000, 900))[-1][0] in ("unknown", "machine", "beep")


def test_the_times_can_be_chosen():
    policy = GreetingPolicy(machine_ms=1000, pause_ms=400)
    assert run(noise(200), voice(1500), policy=policy)[0][0] == "machine"
    assert run(noise(200), voice(500), noise(600), policy=policy)[0][0] == "human"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["noise", "voice", "beep"]), st.integers(20, 4000)), max_size=8))
def test_whatever_is_heard_there_is_one_verdict_and_at_most_one_beep_after_a_machine(parts):
    sounds = {"noise": noise, "voice": voice, "beep": beep}
    found = [verdict for verdict, _ in run(*(sounds[kind](ms) for kind, ms in parts), noise(13_000))]
    assert found in (["human"], ["unknown"], ["machine", "beep"])
