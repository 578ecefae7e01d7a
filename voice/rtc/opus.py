"""Opus through libopus itself: mono, one call a frame, no thread and no copy that is not needed.

The library comes with PyAV's wheels, which every installation has; where PyAV was built against the system's, that one is loaded.
FFmpeg's interface to it (PyAV) would hide in-band FEC and concealment, and costs twice the time a frame.
"""

import ctypes
import ctypes.util
import sys
from functools import cache
from pathlib import Path

_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_SIGNAL = 4002, 4010, 4012, 4014, 4024
_SIGNAL_VOICE = 3001
MAX_PACKET_BYTES = 1275
"""The largest Opus frame (RFC 6716 §3.4)."""
MAX_PACKET_MS = 120
"""The longest Opus packet."""


class OpusError(Exception):
    """libopus is missing, or refused what it was given."""


@cache
def library() -> ctypes.PyDLL:
    """libopus. Raises OpusError where there is none."""
    for path in _candidates():
        try:
            # PyDLL keeps the interpreter's lock: a frame takes 50 to 400 µs, while giving the lock away may cost 5 ms to get it back.
            lib = ctypes.PyDLL(path)
            return _declare(lib)
        except (OSError, AttributeError):
            continue
    raise OpusError("libopus was not found: reinstall PyAV from a wheel (pip install --force-reinstall av)")


def version() -> str:
    """What the library calls itself, such as `libopus 1.6.1`. Raises OpusError."""
    return str(library().opus_get_version_string().decode())


def _candidates() -> list[str]:
    import av

    root = Path(av.__file__).parent
    found = [path for folder in (root.parent / "av.libs", root / ".dylibs", root.parent / "av.libs") for path in folder.glob("*opus*")]
    system = ctypes.util.find_library("opus")
    return [*map(str, found), *([system] if system else []), "libopus.so.0" if sys.platform == "linux" else "opus"]


def _declare(lib: ctypes.PyDLL) -> ctypes.PyDLL:
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    lib.opus_get_version_string.restype = ctypes.c_char_p
    lib.opus_encoder_create.restype = lib.opus_decoder_create.restype = pointer
    lib.opus_encoder_create.argtypes = [integer, integer, integer, pointer]
    lib.opus_decoder_create.argtypes = [integer, integer, pointer]
    lib.opus_encoder_destroy.argtypes = lib.opus_decoder_destroy.argtypes = [pointer]
    lib.opus_encoder_destroy.restype = lib.opus_decoder_destroy.restype = None
    # The third argument is variadic: left undeclared, as ctypes needs it on machines that pass such arguments in another way.
    lib.opus_encoder_ctl.argtypes = lib.opus_decoder_ctl.argtypes = [pointer, integer]
    lib.opus_encode.argtypes = [pointer, ctypes.c_char_p, integer, pointer, integer]
    lib.opus_decode.argtypes = [pointer, ctypes.c_char_p, integer, pointer, integer, integer]
    return lib


class Encoder:
    """PCM16 mono at `rate_hz` to Opus packets of 20 ms."""

    def __init__(self, rate_hz: int, *, bitrate: int = 32_000, fec: bool = True, complexity: int = 1) -> None:
        """Raises OpusError."""
        self._lib = library()
        error = ctypes.c_int()
        self._state = self._lib.opus_encoder_create(rate_hz, 1, _VOIP, ctypes.byref(error))
        if not self._state:
            raise OpusError(f"libopus cannot encode {rate_hz} Hz (error {error.value})")
        self.rate_hz = rate_hz
        self.frame_samples = rate_hz // 50
        self._out = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._view = memoryview(self._out)
        self.loss = -1
        """Percent of loss that spare copies are made for."""
        for request, value in (
            (_SET_BITRATE, bitrate), (_SET_COMPLEXITY, complexity), (_SET_INBAND_FEC, int(fec)),
            (_SET_SIGNAL, _SIGNAL_VOICE),
        ):
            self._set(request, value)

    def encode(self, pcm: bytes) -> bytes:
        """One packet of `frame_samples` samples. Raises OpusError for any other length."""
        if len(pcm) != 2 * self.frame_samples:
            raise OpusError(f"a frame has {self.frame_samples} samples; {len(pcm)} bytes came")
        size = self._lib.opus_encode(self._state, pcm, self.frame_samples, self._out, MAX_PACKET_BYTES)
        if size < 0:
            raise OpusError(f"libopus could not encode a frame (error {size})")
        return bytes(self._view[:size])

    def expect_loss(self, percent: int) -> None:
        """How many packets in a hundred are lost on the way: how much room the spare copies get."""
        if percent != self.loss:
            self.loss = percent
            self._set(_SET_PACKET_LOSS, max(0, min(100, percent)))

    def _set(self, request: int, value: int) -> None:
        self._lib.opus_encoder_ctl(self._state, request, ctypes.c_int(value))

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            self._lib.opus_encoder_destroy(state)


class Decoder:
    """Opus packets to PCM16 mono at `rate_hz`."""

    def __init__(self, rate_hz: int) -> None:
        """Raises OpusError."""
        self._lib = library()
        error = ctypes.c_int()
        self._state = self._lib.opus_decoder_create(rate_hz, 1, ctypes.byref(error))
        if not self._state:
            raise OpusError(f"libopus cannot decode to {rate_hz} Hz (error {error.value})")
        self.rate_hz = rate_hz
        self._most = rate_hz * MAX_PACKET_MS // 1000
        self._out = ctypes.create_string_buffer(2 * self._most)
        self._view = memoryview(self._out)

    def decode(self, packet: bytes) -> bytes:
        """The sound of a packet. Raises OpusError for what is no Opus packet."""
        return self._decode(packet, self._most, 0)

    def conceal(self, samples: int) -> bytes:
        """Sound in place of a packet that was lost: `samples` at `rate_hz`, whole multiples of 2.5 ms."""
        return self._decode(None, samples, 0)

    def rescue(self, after: bytes, samples: int) -> bytes:
        """The sound of the packet that was lost just before `after`, from the spare copy in it; concealed where there is none."""
        return self._decode(after, samples, 1)

    def _decode(self, packet: bytes | None, samples: int, spare: int) -> bytes:
        count = self._lib.opus_decode(self._state, packet, len(packet) if packet else 0, self._out, min(samples, self._most), spare)
        if count < 0:
            raise OpusError(f"this is no Opus packet (error {count})")
        return bytes(self._view[: 2 * count])

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            self._lib.opus_decoder_destroy(state)


def packet_samples(packet: bytes) -> int:
    """Length of a packet in samples of the RTP clock (48 kHz), read from its first bytes (RFC 6716 §3.1); 0 for what is no packet."""
    if not packet:
        return 0
    kind = packet[0] >> 3
    if kind < 12:
        frame = (480, 960, 1920, 2880)[kind & 3]
    elif kind < 16:
        frame = (480, 960)[kind & 1]
    else:
        frame = (120, 240, 480, 960)[kind & 3]
    code = packet[0] & 3
    frames = 1 if code == 0 else 2 if code < 3 else packet[1] & 0x3F if len(packet) > 1 else 0
    samples = frame * frames
    return samples if samples <= 48 * MAX_PACKET_MS else 0
