"""What one line hears of the room, a frame of 20 ms at a time: replies, held, resumed and cut to the sample, with the other callers
mixed in, at the line's own rate. For lines that play at once whatever they are sent, and so must be paced by us. Pure: whoever calls
`frame` keeps the time.
"""

from collections import deque
from dataclasses import dataclass

from ...audio.fade import Edges
from ...audio.frames import FRAME_MS, MOUTH_FRAME_SAMPLES, MOUTH_HZ, SAMPLE_BYTES, silence
from ...audio.mix import mix
from ...audio.resample import Resampler, resample
from ...playout import Sound

EAR_DELAY_MS = 100
"""How much later than sent a caller is taken to hear: the jitter buffers of Asterisk and of a telephone. Under-credits, never over."""

BUFFER_MS = 60
"""Sound that waits here, so that a late tick of the media clock tears no hole: three frames."""

LEAD_MS = EAR_DELAY_MS + BUFFER_MS
"""How far ahead of the caller's ear a session may send."""

MAX_VOICES_FRAMES = 5
"""Frames of the other callers that wait to be mixed in; beyond it the oldest goes, since they are live."""


@dataclass(slots=True)
class _Piece:
    reply: int
    end: int
    """Place in the reply, in samples at 24 kHz, at which its sound ends."""
    pcm: bytes


class PacedMouth:
    """The sound of one call on its way to the line."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._pieces: deque[_Piece] = deque()
        self._voices: deque[bytes] = deque(maxlen=MAX_VOICES_FRAMES)
        self._held: set[int] = set()
        self._reply = 0
        self._sounding = 0
        self._dead = 0
        self.sent = (0, 0)
        """The reply of the newest frame that held one, and the place in it, in samples at 24 kHz, at which that frame ends."""
        self.idle = True
        """The newest frame was silence, and not the first one: a line that need not be kept busy may leave it out."""
        self._fallen = True
        self._set_rate(rate_hz)
        self._in_flight: deque[tuple[int, int]] = deque([(0, 0)] * (EAR_DELAY_MS // FRAME_MS))

    def change_rate(self, rate_hz: int) -> None:
        """The line speaks another rate from now on; what waits is resampled."""
        before = self.rate_hz
        if rate_hz == before:
            return
        for piece in self._pieces:
            piece.pcm = resample(piece.pcm, before, rate_hz)
        self._set_rate(rate_hz)

    def take(self, sound: Sound) -> None:
        """Sound of a reply, PCM16 at 24 kHz."""
        if sound.reply <= self._dead:
            return
        if sound.reply != self._reply:
            self._reply = sound.reply
            self._resampler.reset()
        pcm = self._resampler.push(sound.pcm)
        if sound.last:
            pcm += self._resampler.flush()
        self._pieces.append(_Piece(sound.reply, sound.offset + len(sound.pcm) // SAMPLE_BYTES, pcm))

    def take_voices(self, pcm: bytes) -> None:
        """A frame of the other callers' live mix, PCM16 at 24 kHz."""
        self._voices.append(self._voices_resampler.push(pcm))

    def hold(self, reply: int) -> None:
        """Silence at once; nothing is lost."""
        self._held.add(reply)

    def resume(self, reply: int) -> None:
        """On from where it stopped."""
        self._held.discard(reply)

    def clear(self, reply: int) -> None:
        """The reply is dead: nothing of it leaves any more."""
        self._held.discard(reply)
        self._dead = max(self._dead, reply)
        self._pieces = deque(piece for piece in self._pieces if piece.reply > self._dead)
        self._in_flight = deque((0, 0) if number <= self._dead else (number, at) for number, at in self._in_flight)

    def frame(self) -> tuple[bytes, tuple[int, int] | None]:
        """The next 20 ms for the line, and what the caller's ear has come to by now: a reply and a place in it, in samples at 24 kHz."""
        pcm = self._reply_frame()
        if self._voices:
            self.idle = False
            pcm = mix([pcm, self._voices.popleft().ljust(len(pcm), b"\0")[: len(pcm)]])
        reply, at = self._in_flight.popleft()
        return pcm, (reply, at) if reply else None

    def _reply_frame(self) -> bytes:
        wanted = self._frame_bytes
        out, reply, at = b"", 0, 0
        while self._pieces and len(out) < wanted and self._pieces[0].reply not in self._held:
            piece = self._pieces[0]
            if reply and piece.reply != reply:  # the next one begins with a frame, so that each frame has one place
                break
            take = piece.pcm[: wanted - len(out)]
            out += take
            piece.pcm = piece.pcm[len(take) :]
            reply, at = piece.reply, piece.end - len(piece.pcm) // SAMPLE_BYTES * MOUTH_HZ // self.rate_hz
            if not piece.pcm:
                self._pieces.popleft()
        self._in_flight.append((reply, at))
        if not out:
            self.idle, self._fallen = self._fallen, True
            return self._edges.silence(wanted // SAMPLE_BYTES)
        self.sent, self.idle, self._fallen = (reply, at), False, False
        sound = self._edges.sound(out, joins=reply == self._sounding)
        self._sounding = reply
        if len(sound) < wanted:  # the end of a reply, or a reply that is made too slowly
            sound += self._edges.silence((wanted - len(sound)) // SAMPLE_BYTES)
        return sound

    def _set_rate(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._frame_bytes = rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES
        self._edges = Edges(rate_hz)
        self._resampler = Resampler(MOUTH_HZ, rate_hz)
        self._voices_resampler = Resampler(MOUTH_HZ, rate_hz)
        self._voices_resampler.push(silence(MOUTH_FRAME_SAMPLES))  # what it holds back is there before the first frame
