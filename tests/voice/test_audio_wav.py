"""Sound files: every common WAV comes in right, everything else says what it is and what to do."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hubbub.voice.audio.wav import AudioFileError, read_audio, read_wav, write_wav
from hypothesis import given
from hypothesis import strategies as st

PCM, FLOAT, ALAW, ULAW, ADPCM = 1, 3, 6, 7, 2
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def wav(data: bytes, *, code: int = PCM, channels: int = 1, rate_hz: int = 16_000, bits: int = 16, **odd: object) -> bytes:
    """A WAV file. `odd`: extensible, size (what the data header says), before (chunks ahead of the sound)."""
    block = channels * bits // 8
    body = struct.pack("<HHIIHH", 0xFFFE if odd.get("extensible") else code, channels, rate_hz, rate_hz * block, block, bits)
    if odd.get("extensible"):
        body += struct.pack("<HHI", 22, bits, 4) + struct.pack("<H", code) + GUID_TAIL
    chunks = b"fmt " + struct.pack("<I", len(body)) + body + odd.get("before", b"")  # type: ignore[operator]
    chunks += b"data" + struct.pack("<I", odd.get("size", len(data))) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.fixture
def put(tmp_path: Path):
    def write(content: bytes, name: str = "sound.wav") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def values(pcm: bytes) -> list[int]:
    return np.frombuffer(pcm, "<i2").tolist()


@given(samples=st.lists(st.integers(-32768, 32767), min_size=1, max_size=50), rate_hz=st.sampled_from([8_000, 16_000, 48_000]))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, samples: list[int], rate_hz: int) -> None:
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    pcm = np.array(samples, "<i2").tobytes()
    write_wav(path, pcm, rate_hz)
    assert read_wav(path, rate_hz) == read_audio(path, rate_hz) == pcm


WANTED = [0, 16_384, -16_384, 32_512]


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(
    ("code", "bits", "data"),
    [
        (PCM, 8, bytes([128, 192, 64, 255])),
        (PCM, 16, struct.pack("<4h", *WANTED)),
        (PCM, 24, b"".join((value * 256).to_bytes(3, "little", signed=True) for value in WANTED)),
        (PCM, 32, struct.pack("<4i", *[value * 65536 for value in WANTED])),
        (FLOAT, 32, struct.pack("<4f", *[value / 32768 for value in WANTED])),
        (FLOAT, 64, struct.pack("<4d", *[value / 32768 for value in WANTED])),
    ],
    ids=["u8", "s16", "s24", "s32", "f32", "f64"],
)
def test_every_sample_format(put, code: int, bits: int, data: bytes, extensible: bool) -> None:
    assert values(read_wav(put(wav(data, code=code, bits=bits, extensible=extensible)), 16_000)) == WANTED


def test_companded_formats(put) -> None:
    assert values(read_wav(put(wav(bytes([0xFF, 0x80, 0x00]), code=ULAW, bits=8)), 16_000)) == [0, 32_124, -32_124]
    assert values(read_wav(put(wav(bytes([0xD5, 0xAA, 0x2A]), code=ALAW, bits=8)), 16_000)) == [8, 32_256, -32_256]


def test_channels_are_averaged(put) -> None:
    data = struct.pack("<6h", 100, 300, -32_768, 32_767, 32_767, 32_767)
    assert values(read_wav(put(wav(data, channels=2)), 16_000)) == [200, 0, 32_767]


def test_floats_beyond_full_scale_are_clipped_and_no_number_is_silence(put) -> None:
    data = struct.pack("<4f", 2.0, -2.0, float("nan"), float("inf"))
    assert values(read_wav(put(wav(data, code=FLOAT, bits=32)), 16_000)) == [32_767, -32_768, 0, 32_767]


def test_rate_changes_and_other_chunks_are_passed_over(put) -> None:
    note = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # odd length: one byte of padding follows
    path = put(wav(bytes(2 * 4410), rate_hz=44_100, before=note))
    assert len(read_wav(path, 16_000)) == 2 * 1600


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF])
def test_a_file_that_was_written_to_a_pipe_is_taken_to_its_end(put, size: int) -> None:
    assert values(read_wav(put(wav(struct.pack("<2h", 5, 6), size=size)), 16_000)) == [5, 6]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"ID3\x04 whatever", "not a WAV file but MP3; convert it"),
        (b"fLaC....", "not a WAV file but FLAC; convert it"),
        (b"<html>", "not a WAV file but HTML"),
        (b"\0\0\0 ftypM4A ", "not a WAV file but MP4"),
        (b"hello, world", "not a WAV file but something that starts with b'hello, w'"),
        (wav(b"")[:12], "no format"),
        (wav(b"")[:36], "no sound"),
        (wav(b""), "a header but no sound"),
        (wav(bytes(100), size=200), "promises 200 bytes of sound, 100 are there"),
        (wav(bytes(101)), "ends inside a sample"),
        (wav(bytes(100), channels=0), "zero channels"),
        (wav(bytes(100), rate_hz=0), "the header says 0 Hz"),
        (wav(bytes(100), rate_hz=2_000_000), "the header says 2000000 Hz"),
        (wav(bytes(100), code=ADPCM, bits=4), "format 0x0002 with 4 bits"),
        (wav(bytes(100), bits=12), "12 bits"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "the sound comes before its format"),
    ],
)
def test_wrong_files_say_which_and_why(put, content: bytes, message: str) -> None:
    path = put(content, "take 1.wav")
    with pytest.raises(AudioFileError) as caught:
        read_wav(path, 16_000)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@given(cut=st.integers(0, 60), flips=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), max_size=4))
def test_damaged_headers_never_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list) -> None:
    content = bytearray(wav(bytes(16)))
    for at, value in flips:
        content[at] = value
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    path.write_bytes(content[:cut] if cut else content)
    try:
        assert len(read_wav(path, 16_000)) % 2 == 0
    except AudioFileError as error:
        assert str(path) in str(error)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"nothing\.wav: cannot be read: No such file"):
        read_wav(tmp_path / "nothing.wav", 16_000)
    with pytest.raises(AudioFileError, match="cannot be read"):
        read_audio(tmp_path, 16_000)


def encode(path: Path, codec: str, samples: np.ndarray, rate_hz: int, layout: str = "mono") -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz, frame_size=stream.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def test_flac_is_read_exactly(tmp_path: Path) -> None:
    samples = np.random.default_rng(3).integers(-32_768, 32_768, 5_000).astype(np.int16)
    encode(tmp_path / "x.flac", "flac", samples, 16_000)
    assert np.abs(np.frombuffer(read_audio(tmp_path / "x.flac", 16_000), "<i2").astype(int) - samples).max() <= 1


def test_lossy_files_are_read_whatever_their_name_says(tmp_path: Path) -> None:
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16)
    encode(tmp_path / "x.ogg", "libopus", tone, 48_000)
    renamed = tmp_path / "x.wav"
    (tmp_path / "x.ogg").rename(renamed)
    sound = np.frombuffer(read_audio(renamed, 16_000), "<i2").astype(float)
    assert abs(len(sound) - 16_000) < 800
    spectrum = np.abs(np.fft.rfft(sound[2_000:14_000]))
    assert abs(np.argmax(spectrum) * 16_000 / 12_000 - 440) < 2
    with pytest.raises(AudioFileError, match="but Ogg"):
        read_wav(renamed, 16_000)


def test_what_cannot_be_decoded_says_so(put) -> None:
    with pytest.raises(AudioFileError, match=r"notes\.txt: cannot be decoded .*starts with b'Dear dia'"):
        read_audio(put(b"Dear diary, today", "notes.txt"), 16_000)
    with pytest.raises(AudioFileError, match="empty"):
        read_audio(put(b"", "x.ogg"), 16_000)
