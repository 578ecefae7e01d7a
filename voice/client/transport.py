"""What microphones and loudspeakers need of a client, whatever it is connected by."""

from typing import Protocol


class ClientSound(Protocol):
    """A client's sound: `VoiceClient` over a WebSocket, `WebRTCClient` over WebRTC."""

    @property
    def input_rate_hz(self) -> int:
        """Rate of the sound given to `send_audio`."""

    @property
    def output_rate_hz(self) -> int:
        """Rate of the sound that comes."""

    async def send_audio(self, pcm: bytes) -> None:
        """Sends sound: PCM16 mono at `input_rate_hz`."""

    async def send_playhead(self, reply: int, offset: int) -> None:
        """Reports that `offset` samples of reply `reply` have been heard."""
