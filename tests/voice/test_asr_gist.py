"""What speech over a reply sounds like, in voices that nothing was fitted to."""

import math
import socket
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hubbub.voice.asr import gist, wire, worker
from hubbub.voice.asr.gist import FIRST_LOOK, HOP, MOST_LOOKS, Gist, load_gist
from hubbub.voice.asr.over import Heard, claim_probability

BEHIND = bytes(2 * 2080)
"""The silence after which a held reply's words are asked for."""

needs_networks = pytest.mark.skipif(gist.find_networks() is None, reason="pip install --no-deps 'openwakeword<0.5'")


@pytest.fixture(scope="module")
def listener() -> Gist:
    found = load_gist()
    assert found is not None
    return found


def odds(listener: Gist, pcm: bytes, piece: int = 640) -> float:
    """`pcm`: speech without silence around; the pre-roll is put before it."""
    listener.begin()
    sound = bytes(2 * gist.ONSET) + pcm + BEHIND
    for at in range(0, len(sound), piece):
        listener.feed(sound[at : at + piece])
    found = listener.odds()
    assert found is not None
    return found


def spoken(pcm: bytes) -> bytes:
    """Without the silence before and behind."""
    samples = np.frombuffer(pcm, np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 300)
    return samples[loud[0] : loud[-1]].tobytes()


@needs_networks
def test_the_users_matrix_by_sound_alone(listener: Gist, fixture_audio: Callable[[str], bytes]) -> None:
    wrong = []
    for voice in ("gb", "m3", "f2"):
        for folder, words, claims in (
            ("backchannels", ("yeah", "ok", "right", "uh_huh"), False),
            ("interruptions", ("stop", "wait", "no", "no_wait", "yeah_but_wait"), True),
        ):
            for word in words:
                if (odds(listener, spoken(fixture_audio(f"{folder}/{word}-{voice}"))) > 0) is not claims:
                    wrong.append(f"{word}-{voice}")
    assert len(wrong) <= 1, wrong


@needs_networks
def test_any_chunking_sounds_the_same_and_nothing_is_kept_of_the_utterance_before(
    listener: Gist, fixture_audio: Callable[[str], bytes]
) -> None:
    sound = spoken(fixture_audio("interruptions/no_wait-f2"))
    once = odds(listener, sound)
    odds(listener, spoken(fixture_audio("backchannels/ok-gb")))
    assert {odds(listener, sound, piece) for piece in (2, 642, 5000, 10**6)} == {once}


@needs_networks
def test_there_is_nothing_to_say_before_the_first_look_and_no_end_of_looks(listener: Gist) -> None:
    listener.begin()
    assert listener.odds() is None
    listener.feed(bytes(2 * (FIRST_LOOK - 1)))
    assert listener.odds() is None
    listener.feed(bytes(2))
    assert listener.odds() is not None
    noise = np.random.default_rng(3).normal(0, 900, HOP * (MOST_LOOKS + 5)).astype("<i2").tobytes()
    listener.feed(noise)
    settled = listener.odds()
    listener.feed(noise)
    assert listener.odds() == settled, "what comes after 1.7 s costs nothing and changes nothing"


def test_without_the_network_the_words_must_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gist, "find_networks", lambda: None)
    assert load_gist() is None


def test_sound_weighs_more_than_doubtful_words_but_makes_none_of_a_noise() -> None:
    oh, no = Heard("oh", -5000, listed=False), Heard("no", -5300)

    def claim(sound: float | None, voiced: bool = True) -> float:
        return claim_probability(oh, oh, no, voiced=voiced, final=True, sound=sound)

    assert claim(None) < 0.5 < claim(4.0)
    assert claim(-4.0) < claim(None)
    assert claim(9.0, voiced=False) < 0.5
    assert math.isfinite(claim(1e6)) and math.isfinite(claim(-1e6))


def test_a_worker_loads_the_networks_when_nobody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before it says that it is there, and not at the first word over a reply: both are waited for."""
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    done: list[str] = []
    prepared = threading.Event()

    class Noting:
        def warm(self) -> None:
            done.append("warm")

        def prepare(self) -> None:
            done.append("prepared")
            prepared.set()

    ours, its = socket.socketpair()
    running = threading.Thread(target=worker.Worker(its, Noting()).run)
    running.start()
    with ours:
        ((kind, _),) = wire.Unpacker().feed(ours.recv(1 << 16))
        assert kind == wire.HELLO
        assert prepared.wait(30)
    running.join(30)
    assert not running.is_alive()
    assert done == ["warm", "prepared"]
    its.close()
