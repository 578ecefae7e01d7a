"""A stand-in for `sounddevice` and the card behind it: a test says what the microphone hears, and takes what the loudspeaker plays."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

ENTRIES = [
    {"name": "Built-in Microphone", "max_input_channels": 2, "max_output_channels": 0, "default_samplerate": 48000.0},
    {"name": "Built-in Speakers", "max_input_channels": 0, "max_output_channels": 2, "default_samplerate": 48000.0},
]


class PortAudioError(Exception):
    pass


class Stream:
    """One side of the card."""

    def __init__(self, callback: Callable[..., None], samplerate: int, blocksize: int, device: int | None) -> None:
        self.callback, self.rate_hz, self.samples, self.device = callback, samplerate, blocksize, device
        self.running = False

    def start(self) -> None:
        self.running = True

    def close(self) -> None:
        self.running = False


class SoundCard:
    """The module, for `sys.modules`. `refuses`: rates that the devices do not take."""

    PortAudioError = PortAudioError
    default = SimpleNamespace(device=(0, 1))

    def __init__(self, *refuses: int) -> None:
        self.refuses = refuses
        self.microphone: Stream | None = None
        self.loudspeaker: Stream | None = None

    def query_devices(self, device: int | None = None, kind: str | None = None) -> Any:
        return ENTRIES if kind is None else ENTRIES[0 if kind == "input" else 1]

    def RawInputStream(self, **said: Any) -> Stream:
        self.microphone = self._stream(**said)
        return self.microphone

    def RawOutputStream(self, **said: Any) -> Stream:
        self.loudspeaker = self._stream(**said)
        return self.loudspeaker

    def _stream(self, *, callback: Any, samplerate: int, blocksize: int, device: int | None, **_: Any) -> Stream:
        if samplerate in self.refuses:
            raise PortAudioError(f"Invalid sample rate: {samplerate}")
        return Stream(callback, samplerate, blocksize, device)

    def hear(self, pcm: bytes) -> None:
        """The microphone hears a block."""
        if self.microphone is not None and self.microphone.running:
            self.microphone.callback(pcm, len(pcm) // 2, None, None)

    def played(self) -> bytes:
        """The next block that the loudspeaker plays."""
        stream = self.loudspeaker
        if stream is None or not stream.running:
            return b""
        out = bytearray(2 * stream.samples)
        stream.callback(memoryview(out), stream.samples, None, None)
        return bytes(out)
