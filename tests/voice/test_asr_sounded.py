"""The sound of speech over a reply, beside a recogniser that says nothing before the end."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from hubbub.voice.asr import gist, sounded
from hubbub.voice.asr.base import ASRContext, ASREvent, ASRFinal, ASRPartial
from hubbub.voice.asr.sounded import UNSURE, Sounded, with_sound
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.turn.words import BACKCHANNELS_OVER_A_REPLY, CLAIMS_OVER_A_REPLY

OVER = ASRContext(backchannels=BACKCHANNELS_OVER_A_REPLY, claims=CLAIMS_OVER_A_REPLY)
FRAME = 640

needs_networks = pytest.mark.skipif(gist.find_networks() is None, reason="pip install --no-deps 'openwakeword<0.5'")


async def heard(engine: Sounded, pcm: bytes, context: ASRContext) -> list[ASREvent]:
    """What is told of an utterance that comes as fast as it can be listened to."""
    events: list[ASREvent] = []
    stream = engine.open(events.append, context=context)
    for at in range(0, len(pcm), FRAME):
        stream.feed(pcm[at : at + FRAME])
        while getattr(stream, "_listening", None) is not None:
            await asyncio.sleep(0)
    stream.end()
    while not any(isinstance(event, ASRFinal) for event in events):
        await asyncio.sleep(0.001)
    return events


def spoken(pcm: bytes) -> bytes:
    """Behind the pre-roll, without other silence."""
    samples = np.frombuffer(pcm, np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 300)
    return bytes(2 * gist.ONSET) + samples[loud[0] : loud[-1]].tobytes()


@needs_networks
async def test_a_long_backchannel_is_told_before_its_end_and_a_sentence_is_never_sure(fixture_audio: Callable[[str], bytes]) -> None:
    engine = with_sound(ScriptedASR(["words"], partial_ms=None, final_ms=0, repeat=True))
    assert isinstance(engine, Sounded)
    await engine.start()
    last = {}
    for name in ("backchannels/uh_huh-gb", "interruptions/no_wait-f2"):
        *partials, final = await heard(engine, spoken(fixture_audio(name)), OVER)
        assert final == ASRFinal("words")
        assert all(isinstance(event, ASRPartial) and event.text == "" for event in partials)
        last[name] = max(event.claim or 0 for event in partials[-1:])
    assert last["backchannels/uh_huh-gb"] < 0.4 and 0.5 < last["interruptions/no_wait-f2"] <= UNSURE
    assert len(await heard(engine, spoken(fixture_audio("backchannels/uh_huh-gb")), ASRContext())) == 1, "no reply is spoken over"
    await engine.close()


def test_who_gives_partials_is_left_alone() -> None:
    engine = ScriptedASR([])
    assert with_sound(engine) is engine


async def test_without_the_networks_the_recogniser_answers_alone(
    fixture_audio: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounded, "load_networks", lambda: None)
    engine = Sounded(ScriptedASR(["yeah"], partial_ms=None, final_ms=0))
    await engine.start()
    assert await heard(engine, spoken(fixture_audio("backchannels/uh_huh-gb")), OVER) == [ASRFinal("yeah")]
