"""Sound files: any common file in, mono PCM16 at a wanted rate out.

WAV is parsed here, since Python's `wave` knows neither float samples nor (before 3.12) the extensible header
that most recorders write. Everything else that FFmpeg knows (FLAC, Ogg, MP3, …) is decoded through PyAV.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from .frames import SAMPLE_BYTES
from .g711 import decode_alaw, decode_ulaw
from .pcm import FULL_SCALE, to_pcm, to_samples
from .resample import resample

_FORMAT_PCM, _FORMAT_FLOAT, _FORMAT_ALAW, _FORMAT_ULAW = 0x0001, 0x0003, 0x0006, 0x0007
_FORMAT_EXTENSIBLE = 0xFFFE  # the real format is the first two bytes of a GUID further on
_UNKNOWN_LENGTH = 0x7FFFF000  # programs that write to a pipe put this (espeak-ng) or 0xFFFFFFFF (FFmpeg, sox) as the size
_MIN_HZ, _MAX_HZ = 4_000, 192_000
_AGAIN = "it is truncated or damaged: copy or record it again"
_MAGIC = {
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"\xff\xf2": "MP3",
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"RIFX": "big-endian WAV (RIFX)",
    b"RF64": "64-bit WAV (RF64)",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"\x1aE\xdf\xa3": "WebM or Matroska",
    b"<": "HTML or XML, perhaps an error page that was saved in the file's place",
}

_Samples = npt.NDArray[np.int16] | npt.NDArray[np.float64]  # in units of int16 steps
_Decoder = Callable[[bytes], _Samples]


class AudioFileError(Exception):
    """A sound file that cannot be used. The message names the file, what was found, and what to do."""


@dataclass(frozen=True, slots=True)
class _Format:
    code: int
    channels: int
    rate_hz: int
    bits: int


def read_wav(path: str | os.PathLike[str], rate_hz: int) -> bytes:
    """The sound of a WAV file as mono PCM16 at `rate_hz`.

    Takes 8, 16, 24 and 32 bit integers, 32 and 64 bit floats, µ-law and A-law, plain or extensible headers,
    any rate from 4 to 192 kHz, and any number of channels, which are averaged. Mono 16-bit sound at `rate_hz`
    comes back bit for bit. Raises AudioFileError for anything else, with the file's name, what was found, and
    what to do.
    """
    return _parse_wav(_content(path), str(path), rate_hz)


def read_audio(path: str | os.PathLike[str], rate_hz: int) -> bytes:
    """The sound of any sound file as mono PCM16 at `rate_hz`: WAV as `read_wav`, the rest as FFmpeg decodes
    it.

    What a file is, its content says, not its name. Raises AudioFileError when there is no sound to be had
    from it.
    """
    content = _content(path)
    if content[:4] == b"RIFF":
        return _parse_wav(content, str(path), rate_hz)
    return _decode(path, rate_hz)


def write_wav(path: str | os.PathLike[str], pcm: bytes, rate_hz: int) -> None:
    """Writes PCM16 `pcm` as a mono WAV file. Raises ValueError on an odd number of bytes, OSError where it
    cannot be written.
    """
    to_samples(pcm)  # refuses half a sample before anything is written
    byte_rate = rate_hz * SAMPLE_BYTES
    header = struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE")
    header += struct.pack("<4sIHHIIHH", b"fmt ", 16, _FORMAT_PCM, 1, rate_hz, byte_rate, SAMPLE_BYTES, 16)
    header += struct.pack("<4sI", b"data", len(pcm))
    Path(path).write_bytes(header + pcm)


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content:
        raise AudioFileError(f"{path}: the file is empty; record or copy it again")
    return content


def _parse_wav(content: bytes, name: str, rate_hz: int) -> bytes:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise AudioFileError(f"{name}: not a WAV file but {_looks_like(content)}; {_convert(name)}")
    form, data = _chunks(content, name)
    decoder = _decoder(form, name)
    _check(form, name)
    block = form.channels * form.bits // 8
    if not data:
        raise AudioFileError(f"{name}: the file has a header but no sound in it; {_AGAIN}")
    if len(data) % block:
        raise AudioFileError(
            f"{name}: the sound ends inside a sample ({len(data)} bytes, {block} a sample of {form.channels} "
            f"channel(s)); the file is truncated or its header is wrong: copy it again, or {_convert(name)}"
        )
    samples = decoder(data)
    if form.channels > 1:
        samples = samples.reshape(-1, form.channels).mean(axis=1)
    return resample(to_pcm(samples), form.rate_hz, rate_hz)


def _chunks(content: bytes, name: str) -> tuple[_Format, bytes]:
    form: _Format | None = None
    at = 12
    while at + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, at)
        body = content[at + 8 : at + 8 + size]
        if kind == b"fmt ":
            form = _format(body, name)
        elif kind == b"data":
            if form is None:
                raise AudioFileError(f"{name}: the sound comes before its format; {_convert(name)}")
            if len(body) < size < _UNKNOWN_LENGTH:
                raise AudioFileError(
                    f"{name}: truncated: the header promises {size} bytes of sound, {len(body)} are there; "
                    f"copy the file again, or {_convert(name)}"
                )
            return form, body
        at += 8 + size + size % 2  # chunks start on even bytes
    missing = "no format (fmt chunk)" if form is None else "no sound (data chunk)"
    raise AudioFileError(f"{name}: a WAV file with {missing}; {_AGAIN}")


def _format(body: bytes, name: str) -> _Format:
    if len(body) < 16:
        raise AudioFileError(f"{name}: the format chunk has {len(body)} of 16 bytes; {_AGAIN}")
    code, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if code == _FORMAT_EXTENSIBLE:
        if len(body) < 26:
            raise AudioFileError(f"{name}: the format chunk has {len(body)} of 40 bytes; {_AGAIN}")
        (code,) = struct.unpack_from("<H", body, 24)
    return _Format(code, channels, rate_hz, bits)


def _check(form: _Format, name: str) -> None:
    if not form.channels:
        raise AudioFileError(f"{name}: the header says zero channels; {_AGAIN}")
    if not _MIN_HZ <= form.rate_hz <= _MAX_HZ:
        raise AudioFileError(
            f"{name}: the header says {form.rate_hz} Hz, and {_MIN_HZ} to {_MAX_HZ} Hz can be used; "
            f"if that is the true rate, {_convert(name)}"
        )


def _decoder(form: _Format, name: str) -> _Decoder:
    decoder = {
        (_FORMAT_PCM, 8): lambda data: (np.frombuffer(data, np.uint8).astype(np.float64) - 128) * 256,
        (_FORMAT_PCM, 16): lambda data: np.frombuffer(data, "<i2"),
        (_FORMAT_PCM, 24): _int24,
        (_FORMAT_PCM, 32): lambda data: np.frombuffer(data, "<i4") / 65536,
        (_FORMAT_FLOAT, 32): lambda data: _float(np.frombuffer(data, "<f4")),
        (_FORMAT_FLOAT, 64): lambda data: _float(np.frombuffer(data, "<f8")),
        (_FORMAT_ULAW, 8): lambda data: to_samples(decode_ulaw(data)),
        (_FORMAT_ALAW, 8): lambda data: to_samples(decode_alaw(data)),
    }.get((form.code, form.bits))
    if decoder is None:
        raise AudioFileError(
            f"{name}: WAV format {form.code:#06x} with {form.bits} bits a sample cannot be read (8, 16, 24, 32 bit "
            f"integers, 32 and 64 bit floats, µ-law and A-law can); {_convert(name)}"
        )
    return decoder


def _int24(data: bytes) -> npt.NDArray[np.float64]:
    padded = np.zeros((len(data) // 3, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return padded.view("<i4")[:, 0] / 65536


def _float(values: npt.NDArray[np.float32] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # A recorder that writes NaN for a dropout means silence; infinity would be clipped, NaN would become any
    # number at all.
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0) * FULL_SCALE


def _decode(path: str | os.PathLike[str], rate_hz: int) -> bytes:
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioFileError(f"{path}: no sound track in this file")
            # Float until the channels are averaged, so that loud stereo is not clipped on the way.
            resampler = AudioResampler(format="flt", layout="mono", rate=rate_hz)
            parts = []
            for frame in container.decode(audio=0):
                frame.pts = None  # gaps in the time stamps are not silence in the sound
                parts += [out.to_ndarray()[0] for out in resampler.resample(frame)]
            if parts:
                parts += [out.to_ndarray()[0] for out in resampler.resample(None)]
    except (av.error.FFmpegError, UnicodeDecodeError, IndexError) as error:
        what = _looks_like(_content(path))
        raise AudioFileError(f"{path}: cannot be decoded ({what}): {error}; {_convert(str(path))}") from error
    if not parts:
        raise AudioFileError(f"{path}: the file has no sound in it; {_AGAIN}")
    return to_pcm(np.concatenate(parts).astype(np.float64) * FULL_SCALE)


def _looks_like(content: bytes) -> str:
    if content[4:8] == b"ftyp":
        return "MP4 or M4A"
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            return what
    return f"something that starts with {content[:8]!r}"


def _convert(name: str) -> str:
    return f"convert it, for example with `ffmpeg -i {Path(name).name} -ac 1 -c:a pcm_s16le out.wav`"
