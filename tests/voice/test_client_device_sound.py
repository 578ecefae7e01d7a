"""The machine's own microphone and loudspeaker, with a stand-in for PortAudio."""

import asyncio
import sys

import numpy as np
import pytest
from hubbub.voice.client import DeviceError, DeviceInput, DeviceOutput
from hubbub.voice.client.device_sound import MAX_AHEAD_MS, MAX_QUEUED_FRAMES
from sound_card import SoundCard


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    found = SoundCard()
    monkeypatch.setitem(sys.modules, "sounddevice", found)
    return found


def tone(ms: int, rate_hz: int, hertz: int = 440) -> bytes:
    return (np.sin(np.arange(rate_hz * ms // 1000) / rate_hz * 2 * np.pi * hertz) * 8000).astype("<i2").tobytes()


def pitch(pcm: bytes, rate_hz: int) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate_hz / len(samples))


async def test_what_the_microphone_hears_comes_in_order(card: SoundCard) -> None:
    async with DeviceInput(8000, "built-in") as microphone:
        pieces = aiter(microphone)
        for value in (1, 2):
            card.hear(bytes([value, 0]) * 160)
        assert [await anext(pieces), await anext(pieces)] == [b"\1\0" * 160, b"\2\0" * 160]
        assert card.microphone is not None
        assert (card.microphone.rate_hz, card.microphone.samples, card.microphone.device) == (8000, 160, 0)
        coming = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        assert not coming.done()
        card.hear(b"\3\0" * 160)
        assert await coming == b"\3\0" * 160
    assert not card.microphone.running


async def test_sound_that_nobody_reads_is_dropped_the_oldest_first(card: SoundCard) -> None:
    async with DeviceInput(8000) as microphone:
        for number in range(MAX_QUEUED_FRAMES + 3):
            card.hear(number.to_bytes(2, "little") * 160)
        await asyncio.sleep(0)  # the card's thread calls into the loop
        assert microphone.dropped_frames == 3
        assert (await anext(aiter(microphone)))[0] == 3


async def test_the_loudspeaker_plays_what_it_is_given_and_silence_after(card: SoundCard) -> None:
    async with DeviceOutput(8000) as loudspeaker:
        loudspeaker.play(b"\1\0" * 200)
        assert card.played() == b"\1\0" * 160
        assert card.played() == b"\1\0" * 40 + bytes(240)
        for _ in range(100):
            loudspeaker.play(b"\2\0" * 160)
        waiting = 0
        while any(card.played()):
            waiting += 20
        assert waiting == MAX_AHEAD_MS, "live sound does not grow old"


async def test_a_device_that_refuses_the_rate_is_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SoundCard(8000)
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    async with DeviceInput(8000) as microphone, DeviceOutput(8000) as loudspeaker:
        assert card.microphone is not None and card.microphone.rate_hz == 48_000
        pieces = aiter(microphone)
        heard, sound = b"", tone(400, 48_000)
        for at in range(0, len(sound), 1920):
            card.hear(sound[at : at + 1920])
            heard += await anext(pieces)
        assert len(heard) / 2 == pytest.approx(3200, abs=20)
        assert pitch(heard, 8000) == pytest.approx(440, abs=5)
        loudspeaker.play(tone(200, 8000))
        assert pitch(b"".join(card.played() for _ in range(9)), 48_000) == pytest.approx(440, abs=6)


async def test_devices_that_cannot_be_opened_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", SoundCard(8000, 48_000))
    with pytest.raises(DeviceError, match="the microphone cannot be opened: Invalid sample rate: 48000"):
        await DeviceInput(8000).__aenter__()
    with pytest.raises(DeviceError, match="the loudspeaker cannot be opened"):
        await DeviceOutput(8000).__aenter__()
    with pytest.raises(DeviceError, match="no microphone is called 'headset'; these"):
        await DeviceInput(8000, "headset").__aenter__()
