"""The outgoing sound of one peer: frames of PCM to RTP packets.

Nothing here has a timer. Sound leaves when it comes: whoever gives it (the session's mouthpiece, the room's mix) keeps real time, and
the receiver's jitter buffer evens out what is left. `tick` is called by the one pacer of the process and does what silence needs:
when frames stop, the sound falls to silence, a few frames of silence are encoded, and from then on one packet of a single byte in 400 ms
keeps the stream alive, as Opus itself does it (DTX). So an idle peer costs next to nothing. The encoder's own DTX stays off: its detector
takes a steady tone for noise, and we know when nothing is said.

Replies and other callers' voices come separately, at the same pace. A reply's frame takes a waiting frame of voices along; voices
without a reply leave by themselves.
"""

from collections import deque
from collections.abc import Callable

from ..audio.fade import Edges
from ..audio.frames import FRAME_MS, MOUTH_FRAME_SAMPLES, MOUTH_HZ, SAMPLE_BYTES
from ..audio.mix import mix
from .rtp import RTP_HZ, Report, RtpPacket, ntp_time, pack_rtp
from .shared import SharedEncoder

FRAME_TICKS = RTP_HZ * FRAME_MS // 1000
FRAME_BYTES = MOUTH_FRAME_SAMPLES * SAMPLE_BYTES

STOPPED_S = 0.045
"""A frame that is so late is not coming: one and a quarter frames behind its time, past the jitter of the clock's ticks."""

REPLY_PACE_S = 0.03
"""Voices wait for a reply's next frame while the last one is not older."""

LATE_S = 0.2
"""Sound that comes so late begins anew in the stream's time instead of following what came before."""

STALL_S = 0.03
"""A tick that comes so late means that the whole process was late: what sounds has not stopped, it comes in a moment."""

TAIL_FRAMES = 5
"""Frames of silence that are sent before the stream falls quiet: what a receiver makes up after them is silence."""

KEEP_ALIVE_S = 0.4
"""How often a quiet stream sends a packet, as Opus does in DTX."""

_SILENCE = bytes(FRAME_BYTES)

MAX_VOICES = 3
"""Frames of other callers' voices that wait for a reply's next frame; the oldest go first."""


class TrackSender:
    """One outgoing audio track at 24 kHz."""

    def __init__(
        self, encoder: SharedEncoder, ssrc: int, payload_type: int, send: Callable[[bytes], bool], *, now: float, dtx: bool = True
    ) -> None:
        """`send` takes a packet and answers whether it left. `dtx`: False to send silence too."""
        self.ssrc = ssrc
        self.packets = 0
        self.octets = 0
        self._encoder = encoder
        self._payload_type = payload_type
        self._send = send
        self._began = now
        self._sequence = ssrc & 0x7FFF
        self._timestamp = (ssrc * 7) & 0xFFFFFFFF
        self._base = self._timestamp
        self._marked = True
        self._dtx = dtx
        self._tail = TAIL_FRAMES
        """Frames of silence that were sent since the last sound; `TAIL_FRAMES` where the stream is quiet."""
        self._sent_at = now
        self._sounded_at = float("-inf")
        self._ticked_at = now
        self._reply_at = float("-inf")
        self._edges = Edges(MOUTH_HZ)
        self._quiet_packet = b""
        self._voices: deque[bytes] = deque(maxlen=MAX_VOICES)

    def play(self, pcm: bytes, now: float, *, joins: bool = True) -> int:
        """Sends up to a frame of a reply, PCM16 at 24 kHz; answers its RTP timestamp. `joins`: False where it does not go on from the
        frame of a reply before, though it follows it at once."""
        pcm = self._edges.sound(pcm, joins=joins)
        if len(pcm) < FRAME_BYTES:
            pcm += self._edges.silence((FRAME_BYTES - len(pcm)) // SAMPLE_BYTES)
        self._reply_at = now
        if self._voices:
            pcm = mix([pcm, self._voices.popleft()])
        self._sound(pcm, now)
        return (self._timestamp - FRAME_TICKS) & 0xFFFFFFFF

    def play_voices(self, pcm: bytes, now: float) -> None:
        """Sends a frame of other callers' voices: with the reply that plays, or by itself."""
        if len(pcm) != FRAME_BYTES:
            pcm = pcm[:FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
        self._voices.append(pcm)
        if now - self._reply_at > REPLY_PACE_S:
            while self._voices:
                self._sound(self._with_tail(self._voices.popleft()), now)

    @property
    def quiet(self) -> bool:
        """Whether nothing sounds at the moment."""
        return self._tail > 0

    def tick(self, now: float) -> None:
        """Does what is due at `now` where no sound comes. To be called every 10 ms."""
        stalled, self._ticked_at = now - self._ticked_at > STALL_S, now
        if stalled and self._tail == 0:
            return
        if self._tail == 0:
            if now - self._sounded_at >= STOPPED_S:
                self._silence(now)
        elif self._tail < TAIL_FRAMES or not (self._dtx or self._sounded_at < 0):
            if now - self._sent_at >= FRAME_MS / 1000 - 0.001:
                self._silence(now)
        elif now - self._sent_at >= KEEP_ALIVE_S and self._quiet_packet:
            self._timestamp = self._clock(now)
            self._packet(self._quiet_packet, now)

    def report(self, now: float, unix_s: float) -> Report:
        """The sender report that is due at `now`, without blocks."""
        return Report(self.ssrc, (), ntp_time(unix_s), self._clock(now), self.packets, self.octets)

    def _clock(self, now: float) -> int:
        return (self._base + int((now - self._began) * RTP_HZ)) & 0xFFFFFFFF

    def _sound(self, pcm: bytes, now: float) -> None:
        if self._tail >= TAIL_FRAMES or now - self._sent_at > LATE_S:
            self._marked, self._timestamp = True, self._clock(now)
        self._tail = 0
        self._sounded_at = now
        self._packet(self._encoder.encode(pcm, now), now)

    def _with_tail(self, voices: bytes) -> bytes:
        """Voices that go on while the reply has stopped. Without a tail they stay the object they were, which all peers encode once."""
        tail = self._edges.silence(MOUTH_FRAME_SAMPLES)
        return voices if tail == _SILENCE else mix([voices, tail])

    def _silence(self, now: float) -> None:
        packet = self._encoder.encode(self._edges.silence(MOUTH_FRAME_SAMPLES), now)
        self._tail = min(self._tail + 1, TAIL_FRAMES)
        if self._tail == TAIL_FRAMES and self._dtx:
            self._encoder.rest()
            packet = self._quiet_packet = packet[:1]  # nothing but its kind: what Opus itself sends for a frame without sound
        self._packet(packet, now)

    def _packet(self, payload: bytes, now: float) -> None:
        packet = RtpPacket(self._payload_type, self._sequence, self._timestamp, self.ssrc, payload, self._marked)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME_TICKS) & 0xFFFFFFFF
        self._marked = False
        self._sent_at = now
        if self._send(pack_rtp(packet)):
            self.packets += 1
            self.octets += len(payload)
