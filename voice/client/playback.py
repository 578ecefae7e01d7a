"""What a loudspeaker does with the sound of replies, to the sample. No clock, no device, no socket.

Frames go in with `add`, sound comes out with `pull`, as many samples as time has passed. The *playhead* of a reply is the
number of its samples that have come out. Three things happen to a reply on the way:

    hold    nothing of it comes out until `resume`; what is buffered stays
    clear   what is buffered is thrown away, and frames that come later are too
    end     its last sample came out

The server wants to know the playhead at each of them, and about every 100 ms in between: such reports gather in `reports`
until `take_reports`.
"""

from collections import deque
from dataclasses import dataclass, field

from ..audio.fade import Edges
from ..protocol import AudioFrame

REPORT_EVERY_MS = 100
MAX_BUFFERED_MS = 30_000
"""Sound that waits to be played. A server sends far less ahead; beyond it new frames are dropped and counted."""
MAX_REPORTS = 256
"""Reports that wait to be taken: beyond it the oldest are dropped, since a newer one says more."""
MAX_CLEARED = 256
"""Cleared replies that are remembered, to refuse their late frames. The oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class PlayheadReport:
    """`offset` samples of reply `reply` have been heard."""

    reply: int
    offset: int


@dataclass(slots=True)
class Segment:
    """Sound that was heard without a break."""

    start: int
    """When it began, in samples since the loudspeaker was switched on."""
    reply: int
    offset: int
    """Where in the reply's sound it begins, in samples."""
    pcm: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Piece:
    reply: int
    offset: int
    pcm: bytes
    last: bool


class Playback:
    """The playout of one caller's loudspeaker at `rate_hz`. With `record`, what was heard is kept (48 kB a second at 24 kHz). With
    `fades`, what stops in the middle falls off and what goes on rises, within 5 ms, instead of clicking; playheads and the record
    count the same samples either way."""

    def __init__(self, rate_hz: int, *, record: bool = False, fades: bool = False) -> None:
        self.rate_hz = rate_hz
        self.played_samples = 0
        """All that has come out, silence too: the loudspeaker's clock."""
        self.underrun_samples = 0
        """Silence in the middle of a reply because its next frame had not come."""
        self.dropped_frames = 0
        """Frames refused because the buffer was full."""
        self.heard: list[Segment] = []
        self._record = record
        self._edges = Edges(rate_hz) if fades else None
        self._came_out: tuple[int, int] = (0, 0)
        """Reply and offset at which the last sound ended: what goes on there needs no fade."""
        self._pieces: deque[_Piece] = deque()
        self._buffered_samples = 0
        self._held: set[int] = set()
        self._cleared: deque[int] = deque(maxlen=MAX_CLEARED)
        self._received: dict[int, int] = {}
        self._playheads: dict[int, int] = {}
        self._reported: dict[int, int] = {}
        self._reports: deque[PlayheadReport] = deque(maxlen=MAX_REPORTS)

    @property
    def silent(self) -> bool:
        """Nothing waits to be played."""
        return not self._pieces

    @property
    def buffered_samples(self) -> int:
        """Samples that wait to be played."""
        return self._buffered_samples

    def playhead(self, reply: int) -> int:
        """How many samples of `reply` have come out; 0 for a reply that has not begun."""
        return self._playheads.get(reply, 0)

    def add(self, frame: AudioFrame) -> None:
        """Takes a frame. Those of a cleared reply, and samples that came before, are thrown away."""
        if frame.reply in self._cleared:
            return
        if self._buffered_samples * 1000 >= MAX_BUFFERED_MS * self.rate_hz:
            self.dropped_frames += 1
            return
        known = self._received.get(frame.reply, frame.offset)
        repeated = max(0, known - frame.offset)
        pcm = frame.pcm[2 * repeated :]
        if not pcm and not frame.last:
            return
        offset = frame.offset + repeated
        self._pieces.append(_Piece(frame.reply, offset, pcm, frame.last))
        self._received[frame.reply] = offset + len(pcm) // 2
        self._buffered_samples += len(pcm) // 2

    def pull(self, samples: int) -> bytes:
        """The next `samples` samples for the ear, with silence where there is nothing to play."""
        out = bytearray()
        wanted = 2 * samples
        while self._pieces and self._pieces[0].reply not in self._held and (len(out) < wanted or not self._pieces[0].pcm):
            piece = self._pieces[0]
            room = wanted - len(out)
            self._play(piece, piece.pcm[:room], self.played_samples + len(out) // 2)
            out += self._smoothed(piece, piece.pcm[:room])
            piece.offset += min(room, len(piece.pcm)) // 2
            piece.pcm = piece.pcm[room:]
            if not piece.pcm:
                self._pieces.popleft()
                if piece.last:
                    self._end(piece.reply)
        if len(out) < wanted and not self._pieces and any(self.playhead(reply) for reply in self._received):
            self.underrun_samples += (wanted - len(out)) // 2
        self.played_samples += samples
        missing = (wanted - len(out)) // 2
        if missing:
            out += bytes(2 * missing) if self._edges is None else self._edges.silence(missing)
        return bytes(out)

    def _smoothed(self, piece: _Piece, pcm: bytes) -> bytes:
        if self._edges is None or not pcm:
            return pcm
        joins = self._came_out == (piece.reply, piece.offset)
        self._came_out = piece.reply, piece.offset + len(pcm) // 2
        return self._edges.sound(pcm, joins=joins)

    def _play(self, piece: _Piece, pcm: bytes, at: int) -> None:
        samples = len(pcm) // 2
        if not samples:
            return
        self._buffered_samples -= samples
        if self._record:
            newest = self.heard[-1] if self.heard else None
            if newest is None or newest.reply != piece.reply or newest.start + len(newest.pcm) // 2 != at:
                newest = Segment(at, piece.reply, piece.offset)
                self.heard.append(newest)
            newest.pcm += pcm
        playhead = self._playheads[piece.reply] = piece.offset + samples
        if (playhead - self._reported.get(piece.reply, 0)) * 1000 >= REPORT_EVERY_MS * self.rate_hz:
            self._report(piece.reply)

    def hold(self, reply: int) -> None:
        """Nothing of `reply` comes out until `resume`."""
        self._held.add(reply)
        self._report(reply)

    def resume(self, reply: int) -> None:
        """Goes on with `reply` at the sample where it was held."""
        self._held.discard(reply)

    def clear(self, reply: int) -> None:
        """Throws away what waits of `reply`, and refuses what still comes of it."""
        self._cleared.append(reply)
        self._pieces = deque(piece for piece in self._pieces if piece.reply != reply)
        self._buffered_samples = sum(len(piece.pcm) // 2 for piece in self._pieces)
        self._report(reply)
        self._forget(reply)

    def take_reports(self) -> list[PlayheadReport]:
        """The reports since the last call, oldest first."""
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def _end(self, reply: int) -> None:
        self._report(reply)
        self._cleared.append(reply)
        self._forget(reply)

    def _report(self, reply: int) -> None:
        self._reported[reply] = self.playhead(reply)
        self._reports.append(PlayheadReport(reply, self.playhead(reply)))

    def _forget(self, reply: int) -> None:
        self._held.discard(reply)
        self._received.pop(reply, None)
        self._reported.pop(reply, None)

    def heard_pcm(self, *, longest_silence_ms: float | None = None) -> bytes:
        """What was recorded, from its first sample to its last, as one PCM16 sound at `rate_hz`.

        With `longest_silence_ms` the silences in between are cut to that length.
        """
        sound = bytearray()
        end = self.heard[0].start if self.heard else 0
        for segment in self.heard:
            silence = segment.start - end
            if longest_silence_ms is not None:
                silence = min(silence, round(longest_silence_ms * self.rate_hz / 1000))
            sound += bytes(2 * silence) + segment.pcm
            end = segment.start + len(segment.pcm) // 2
        return bytes(sound)
