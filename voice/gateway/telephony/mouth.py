"""What a call hears, on its way to a carrier that buffers: sound in messages of the right size, marks between them, and `clear`.

Theory of operation
===================

A carrier plays what it is sent in order, from a buffer of its own. It cannot pause: a hold or a cut must *clear* the buffer, and what
was in it is lost. It tells how far it has come by sending back the *marks* that stand between the sound; it sends them back after a
`clear` too, without having played anything. So every mark bears the number of its *epoch*, which rises with each clear, and only marks
of the present epoch say what was heard.

Sound of replies is resampled in *runs*: stretches without a gap, at whose start the resampler is empty and the sound fades in. Of a
run every output sample has a place in the reply. The last message of a reply is filled up to a whole frame with silence.

The other callers' live voices are mixed into the reply's messages as these are made. Where no reply is under way they go out
alone, as soon as the carrier's buffer is nearly dry, so that they add no more than their own length to it.

Pure: the caller says what time it is (seconds), and sends what comes back.
"""

from ...audio.fade import FADE_MS, fade_in
from ...audio.frames import FRAME_MS, MOUTH_HZ, SAMPLE_BYTES
from ...audio.mix import mix
from ...audio.resample import Resampler
from ...playout import Sound
from .coding import encode
from .wire.base import Clear, Coding, FromServer, Mark, Media

LEAD_MS = 140
"""How far ahead of the caller's playhead a session sends. Sound goes out in frames of 20 ms, so 160 ms wait at the carrier: enough for
the jitter of the internet between it and us, which may pile up what was sent, and never the 200 ms after which a clear loses much."""

MARK_MS = 60
"""A mark follows this much sound: what the ledger of heard words, and the place to go on from, are exact to. And the first frame of a
run, to time what was heard first."""

FIRST_MS = 2
"""Silence before a run: as much as the resampler may keep back, so that every frame of the reply fills a message, and none waits for
the next."""

VOICES_MS = 200
"""Other callers' voices that wait for a message to be mixed into; beyond it the oldest go, since they are live."""

DRY_MS = 40
"""With less than this in its buffer a carrier gets the voices at once."""


class CarrierMouth:
    """The sound of one call on its way to the carrier."""

    def __init__(self, coding: Coding, *, message_ms: int = FRAME_MS) -> None:
        """`message_ms`: sound in one message, a multiple of 20."""
        self.coding = coding
        self._message_bytes = coding.rate_hz * message_ms // 1000 * SAMPLE_BYTES
        self._frame_bytes = coding.rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES
        self._mark_samples = coding.rate_hz * MARK_MS // 1000
        self._resampler = Resampler(MOUTH_HZ, coding.rate_hz)
        self._first_samples = 0 if coding.rate_hz == MOUTH_HZ else coding.rate_hz * FIRST_MS // 1000
        self._begins = True
        self._voices_resampler = Resampler(MOUTH_HZ, coding.rate_hz)
        self._voices = bytearray()
        self._voices_at = 0.0
        self._dry_at = 0.0
        self._epoch = 0
        self._reply = 0
        self._next_offset = 0
        self._run_offset = 0
        self._run_samples = 0
        self._marked = 0
        self._pcm = bytearray()
        self._touched = False

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def sound(self, sound: Sound, now: float) -> list[FromServer]:
        """What is to be sent now that `sound` of a reply has come."""
        out: list[FromServer] = []
        if sound.reply != self._reply or sound.offset != self._next_offset:
            out += self._end_run(now)
            self._begin_run(sound)
        pcm = self._resampler.push(sound.pcm)
        self._next_offset += len(sound.pcm) // SAMPLE_BYTES
        if sound.last:
            pcm += self._resampler.flush()
        if pcm and self._begins:
            self._begins = False
            pcm = fade_in(pcm, self.coding.rate_hz * FADE_MS // 1000)
        self._pcm += pcm
        while len(self._pcm) >= self._message_bytes:
            out += self._message(now)
        if sound.last:
            out += self._end_run(now, marked=True)
        return out

    def voices(self, pcm: bytes, now: float) -> list[FromServer]:
        """What is to be sent now that a frame of the other callers' voices has come: PCM16 at 24 kHz, 20 ms."""
        if now - self._voices_at > VOICES_MS / 1000:
            self._voices.clear()
            self._voices_resampler.reset()
        self._voices_at = now
        self._voices += self._voices_resampler.push(pcm)
        surplus = len(self._voices) - self.coding.rate_hz * VOICES_MS // 1000 * SAMPLE_BYTES
        if surplus > 0:
            del self._voices[:surplus]
        out: list[FromServer] = []
        while len(self._voices) >= self._message_bytes and self._dry_at - now < DRY_MS / 1000 and not self._pcm:
            out.append(self._media(self._take_voices(self._message_bytes), now))
        return out

    def plain(self, pcm: bytes, now: float) -> Media:
        """A message of other sound: the music of a hold. PCM16 at the carrier's rate, one message long."""
        return self._media(pcm, now)

    def clear(self, now: float) -> list[FromServer]:
        """What makes the caller hear nothing more of what was sent; nothing where nothing can be left."""
        self._resampler.reset()
        self._pcm.clear()
        self._reply = 0
        if not self._touched:
            return []
        self._touched = False
        self._epoch += 1
        self._dry_at = now
        return [Clear()]

    def ahead_ms(self, now: float) -> float:
        """Sound that should be waiting in the carrier's buffer, by the clock."""
        return max(0.0, self._dry_at - now) * 1000

    def reached(self, now: float) -> int:
        """Where in the reply under way the carrier is by the clock, in samples at 24 kHz: what leaves now finds it there, if nothing was
        held up on the way. It plays in real time, so it is never further."""
        sent = self._run_offset + max(0, self._run_samples) * MOUTH_HZ // self.coding.rate_hz
        return sent - int(max(0.0, self._dry_at - now) * MOUTH_HZ)

    # ── back ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def played(self, mark: str) -> tuple[int, int] | None:
        """What a mark that came back says: a reply and the place in it, in samples at 24 kHz; None for marks of what was cleared, and of
        others."""
        parts = mark.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 12 for part in parts):
            return None
        epoch, reply, offset = map(int, parts)
        return (reply, offset) if epoch == self._epoch else None

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_run(self, sound: Sound) -> None:
        self._resampler.reset()
        self._reply = sound.reply
        self._next_offset = self._run_offset = sound.offset
        self._begins = True
        self._marked = 0
        self._run_samples = -self._first_samples
        self._pcm += bytes(self._first_samples * SAMPLE_BYTES)

    def _end_run(self, now: float, *, marked: bool = False) -> list[FromServer]:
        """Sends what is left of a run, filled up with silence to whole frames."""
        out: list[FromServer] = []
        if self._begins:  # nothing but the silence before it
            self._pcm.clear()
        if self._pcm:
            self._pcm += bytes(-len(self._pcm) % self._frame_bytes)
            out += self._message(now)
        if marked and self._reply:
            self._marked = self._run_samples
            out.append(Mark(f"{self._epoch}.{self._reply}.{self._next_offset}"))
        return out

    def _message(self, now: float) -> list[FromServer]:
        """The next message of the run, and the mark after it where one is due."""
        pcm = bytes(self._pcm[: self._message_bytes])
        del self._pcm[: self._message_bytes]
        if self._voices:
            pcm = mix([pcm, self._take_voices(len(pcm))])
        first = self._run_samples < 0 or self._run_samples == 0 == self._first_samples
        self._run_samples += len(pcm) // SAMPLE_BYTES
        out: list[FromServer] = [self._media(pcm, now)]
        if first or self._run_samples - self._marked >= self._mark_samples:
            self._marked = self._run_samples
            place = min(self._run_offset + max(0, self._run_samples) * MOUTH_HZ // self.coding.rate_hz, self._next_offset)
            out.append(Mark(f"{self._epoch}.{self._reply}.{place}"))
        return out

    def _take_voices(self, size: int) -> bytes:
        taken = bytes(self._voices[:size])
        del self._voices[:size]
        return taken.ljust(size, b"\0")

    def _media(self, pcm: bytes, now: float) -> Media:
        self._touched = True
        self._dry_at = max(self._dry_at, now) + len(pcm) / SAMPLE_BYTES / self.coding.rate_hz
        return Media(encode(self.coding, pcm))
