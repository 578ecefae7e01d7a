"""A call of Asterisk in an agent's hand: the sound of a hold never keeps the loop waiting for a file."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest
from calls_house import calls_house
from hubbub.voice.audio.wav import AudioFileError, write_wav
from hubbub.voice.gateway.asterisk.calls import CallRequest
from hubbub.voice.gateway.asterisk.handset import Handset
from hubbub.voice.gateway.asterisk.seating import Seating
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.hold import HoldMusic, HoldSound
from hubbub.voice.grant import OPEN

RATE_HZ = 8000


class SlowDisk(HoldMusic):
    """Music on a disk that does not answer before it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.answers = threading.Event()
        self.read_by: list[str] = []

    def at(self, rate_hz: int) -> HoldSound:
        self.read_by.append(threading.current_thread().name)
        if not self.is_ready(rate_hz) and not self.answers.wait(10):
            raise OSError("the disk was never told to answer")
        return super().at(rate_hz)


def peak(frame: bytes) -> int:
    return int(np.abs(np.frombuffer(frame, "<i2").astype(int)).max())


async def until_music(handset: Handset) -> None:
    async with asyncio.timeout(10):
        while peak(handset.frame(RATE_HZ)) < 2000:
            await asyncio.sleep(0.001)


async def test_a_hold_begins_with_comfort_noise_while_its_music_is_read(tmp_path: Path) -> None:
    path = tmp_path / "music.wav"
    write_wav(path, (9000 * np.sin(np.arange(RATE_HZ) * 0.3)).astype("<i2").tobytes(), RATE_HZ)
    music = SlowDisk(path)
    async with calls_house() as house:
        seating = Seating(Exchange(house))
        session = await seating.seat(CallRequest(), OPEN, "1")
        first, second = (Handset(session, str, music, put_through=str) for _ in range(2))
        first.hold()
        assert all(0 < peak(first.frame(RATE_HZ)) < 500 for _ in range(50)), "the loop goes on, and the line is not dead"
        music.answers.set()
        await until_music(first)
        assert threading.current_thread().name not in music.read_by
        second.hold()
        second.frame(RATE_HZ)
        assert peak(second.frame(RATE_HZ)) > 2000, "what was read once is there at once"
        for handset in (first, second):
            handset.close()


async def test_music_that_cannot_be_read_is_told_and_the_line_is_not_dead(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "music.wav").write_bytes(b"no sound at all")
    with pytest.raises(AudioFileError):
        HoldMusic(tmp_path / "music.wav").at(RATE_HZ)
    async with calls_house() as house:
        session = await Seating(Exchange(house)).seat(CallRequest(), OPEN, "1")
        handset = Handset(session, str, HoldMusic(tmp_path / "music.wav"), put_through=str)
        handset.hold()
        async with asyncio.timeout(10):
            while "hold_music cannot be played" not in caplog.text:
                assert 0 < peak(handset.frame(RATE_HZ)) < 500
                await asyncio.sleep(0.001)
        assert 0 < peak(handset.frame(RATE_HZ)) < 500
        handset.close()
