"""What a client's loudspeaker plays, and what it says about it, to the sample."""

import asyncio

import numpy as np
from client_server import Line, scripted_server
from hubbub.voice.client import AudioFrame, FileMicrophone, PlayheadReport, SimulatedLoudspeaker, VoiceClient
from hubbub.voice.client.playback import MAX_BUFFERED_MS, Playback
from hubbub.voice.event import Clear, Hold, Resume
from hubbub.voice.protocol import Playhead
from hypothesis import given
from hypothesis import strategies as st

RATE = 24_000


def sound(samples: int, first: int = 0) -> bytes:
    """Samples that all differ from silence and from each other."""
    return (np.arange(first, first + samples) % 30_000 + 1).astype("<i2").tobytes()


def frame(reply: int, offset: int, samples: int, last: bool = False) -> AudioFrame:
    return AudioFrame(reply, offset, last, sound(samples, offset))


def test_frames_come_out_in_order_with_silence_after() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, 480))
    playback.add(frame(1, 480, 480, last=True))
    assert playback.pull(700) == sound(700)
    assert playback.playhead(1) == 700
    assert playback.pull(480) == sound(260, 700) + bytes(440)
    assert playback.silent
    assert playback.take_reports() == [PlayheadReport(1, 960)]


def test_a_report_comes_every_tenth_of_a_second() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, RATE))
    for _ in range(30):
        playback.pull(480)
    assert playback.take_reports() == [PlayheadReport(1, offset) for offset in range(2400, 14_400 + 1, 2400)]


def test_a_hold_is_silent_and_loses_nothing() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, 960))
    playback.pull(300)
    playback.hold(1)
    assert playback.take_reports() == [PlayheadReport(1, 300)]
    assert playback.pull(480) == bytes(960)
    playback.add(frame(1, 960, 480))
    playback.resume(1)
    assert playback.pull(1140) == sound(1140, 300)


def test_a_clear_is_silent_at_once_and_refuses_late_frames() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, 960))
    playback.pull(100)
    playback.clear(1)
    assert playback.take_reports() == [PlayheadReport(1, 100)]
    playback.add(frame(1, 960, 480))
    assert playback.silent
    assert playback.pull(480) == bytes(960)
    playback.add(frame(2, 0, 480))
    assert playback.pull(480) == sound(480)


def test_with_fades_a_hold_and_a_clear_do_not_click_and_count_the_same() -> None:
    def loud(offset: int) -> AudioFrame:
        tone = np.sin((offset + np.arange(480)) * 2 * np.pi * 200 / RATE) * 20_000
        return AudioFrame(1, offset, False, tone.astype("<i2").tobytes())

    playbacks = [Playback(RATE, record=True, fades=fades) for fades in (False, True)]
    plain, smooth = [], []
    for playback, out in zip(playbacks, (plain, smooth), strict=True):
        for offset in range(0, 1920, 480):
            playback.add(loud(offset))
        out.append(playback.pull(510))
        playback.hold(1)
        out.append(playback.pull(480))
        playback.resume(1)
        out.append(playback.pull(520))
        playback.clear(1)
        out.append(playback.pull(480))
    clicks, none = (np.abs(np.diff(np.frombuffer(b"".join(out), "<i2").astype(int))).max() for out in (plain, smooth))
    assert clicks > 15_000 and none < 1_500
    assert playbacks[0].heard == playbacks[1].heard
    assert playbacks[0].take_reports() == playbacks[1].take_reports()


def test_a_clear_frees_a_held_line() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, 480))
    playback.hold(1)
    playback.clear(1)
    playback.add(frame(2, 0, 480))
    assert playback.pull(480) == sound(480)


def test_an_empty_last_frame_ends_the_reply() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, 480))
    playback.pull(480)
    playback.add(AudioFrame(1, 480, True, b""))
    assert not playback.silent
    playback.pull(480)
    assert playback.silent
    assert playback.take_reports() == [PlayheadReport(1, 480)]


def test_samples_that_came_before_are_not_played_twice() -> None:
    playback = Playback(RATE)
    playback.add(frame(1, 0, 480))
    playback.add(frame(1, 240, 480))
    assert playback.pull(720) == sound(720)


def test_a_dry_buffer_is_counted_only_inside_a_reply() -> None:
    playback = Playback(RATE)
    playback.pull(480)
    playback.add(frame(1, 0, 480))
    playback.pull(720)
    assert playback.underrun_samples == 240
    playback.add(frame(1, 480, 240, last=True))
    playback.pull(480)
    playback.pull(480)
    assert playback.underrun_samples == 240


def test_the_buffer_is_bounded() -> None:
    playback = Playback(RATE)
    seconds = MAX_BUFFERED_MS // 1000
    for second in range(seconds + 3):
        playback.add(AudioFrame(1, second * RATE, False, bytes(2 * RATE)))
    assert playback.buffered_samples == seconds * RATE
    assert playback.dropped_frames == 3


def test_what_was_heard_is_recorded_with_its_silences() -> None:
    playback = Playback(RATE, record=True)
    playback.add(frame(1, 0, 480, last=True))
    playback.pull(RATE)
    playback.add(frame(2, 0, 480, last=True))
    playback.pull(480)
    assert playback.heard_pcm() == sound(480) + bytes(2 * (RATE - 480)) + sound(480)
    assert playback.heard_pcm(longest_silence_ms=100) == sound(480) + bytes(2 * 2400) + sound(480)
    assert [(segment.start, segment.reply) for segment in playback.heard] == [(0, 1), (RATE, 2)]
    assert Playback(RATE, record=True).heard_pcm() == b""


@given(st.lists(st.integers(1, 700), min_size=1, max_size=20), st.lists(st.integers(1, 900), min_size=1, max_size=20))
def test_any_cutting_of_frames_and_pulls_gives_the_same_sound(frames: list[int], pulls: list[int]) -> None:
    playback = Playback(RATE, record=True)
    offset = 0
    for samples in frames:
        playback.add(frame(1, offset, samples))
        offset += samples
    out = b"".join(playback.pull(samples) for samples in pulls)
    assert out[: 2 * offset] == sound(offset)[: len(out)]
    assert not any(out[2 * offset :])
    assert playback.heard_pcm() == out[: 2 * offset]
    assert playback.playhead(1) + playback.buffered_samples == offset


async def test_a_simulated_loudspeaker_plays_in_real_time_and_reports() -> None:
    async def script(line: Line) -> None:
        for offset in range(0, 4800, 480):
            await line.play(1, offset, sound(480, offset))
        await line.wait_until(lambda line: bool(line.said(Playhead)))
        await line.send(Hold(reply=1))
        await line.wait_until(lambda line: len(line.said(Playhead)) > 1)
        await line.send(Resume(reply=1))
        await line.play(1, 4800, b"", last=True)
        await line.wait_until(lambda line: line.said(Playhead)[-1].offset == 4800)
        await line.send(Clear(reply=2))

    async with (
        scripted_server(script) as server,
        VoiceClient(server.url) as client,
        SimulatedLoudspeaker(client, record=True) as speaker,
    ):
        async for item in client:
            speaker.take(item)
            if isinstance(item, Clear):
                break
        assert b"".join(bytes(segment.pcm) for segment in speaker.playback.heard) == sound(4800)
        offsets = [report.offset for report in server.lines[0].said(Playhead)]
        assert offsets == sorted(offsets)
        assert 2400 <= offsets[0] <= 4800


async def test_a_file_microphone_streams_speech_between_silences() -> None:
    async with scripted_server() as server, VoiceClient(server.url) as client, FileMicrophone(client) as microphone:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(microphone.say(sound(1000)), microphone.say(sound(700)))
        line = server.lines[0]
        sent = microphone.sent_samples
        assert sent <= (loop.time() - began) * 16_000 + 320
        await line.wait_until(lambda line: len(line.audio) >= 2 * (sent + 640))
        heard = bytes(line.audio)
        first, second = heard.index(sound(10)), heard.index(sound(10), 2000)
        assert heard[first : first + 2000] == sound(1000)
        assert heard[second : second + 1400] == sound(700)
        assert not any(heard[:first] + heard[first + 2000 : second] + heard[second + 1400 :])


async def test_a_microphone_that_is_stopped_stops_in_mid_word() -> None:
    async with scripted_server() as server, VoiceClient(server.url) as client, FileMicrophone(client) as microphone:
        saying = asyncio.create_task(microphone.say(sound(160_000)))
        await server.lines[0].wait_until(lambda line: len(line.audio) >= 3200)
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        sent = len(server.lines[0].audio)
        await server.lines[0].wait_until(lambda line: len(line.audio) >= sent + 6400)
        assert not any(server.lines[0].audio[-1280:])
