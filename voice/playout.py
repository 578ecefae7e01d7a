"""Playout: the one owner of the sound that goes to a caller, and the ledger of what was heard of it.

Theory of operation
===================

Replies are played one after another, each under its own number (its *generation*). A reply comes as pieces of text
(`add_piece`, spans that tile the generated text) and the sound of them with word times (`add_sound`); `finish` says that nothing
follows. A gateway takes sound with `pull` and is told the place of every frame in its reply, so that the far end can report how far it
has played (`played`). Between the two lies what is *in flight*.

`hold` and `resume` act before the next `pull`. `cut` kills the reply: nothing of it leaves afterwards (a dead generation is
checked here, at the last hop, and nowhere else) and the answer says what was heard. A gated reply (speculation) collects sound and
gives none until `release`. Where a far end throws away what it has not played (a telephone carrier told to `clear` cannot do less),
`rewind` takes back what was in flight, and it is pulled again.

The ledger of a reply always satisfies heard + in flight + unheard = the generated text so far. A word counts as heard when the
playhead has passed the middle of its sound; what stands between words (spaces, markup that is not spoken) goes with the word
before it. Where reports are late or lost the ledger credits less than was heard, never more.

No clock here: the session says how many samples to pull, and how far an ear without reports is estimated to be.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

from .audio.frames import MOUTH_HZ, SAMPLE_BYTES

KEPT_MS = 2000
"""Sound in flight that is kept for `rewind`: ten times the lead of any gateway. Of a far end that reports nothing for longer, what is
older is gone."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a reply: its span in the generated text, and where its sound begins, in samples of the reply's sound."""

    start: int
    end: int
    at: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of a reply's text. The three together are the generated text so far."""

    heard: str
    in_flight: str
    unheard: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of a reply's sound, pulled for the wire."""

    reply: int
    offset: int
    """Place of its first sample in the reply's sound."""
    pcm: bytes
    last: bool
    """Nothing of this reply follows."""


@dataclass(slots=True)
class _Reply:
    number: int
    gated: bool = False
    held: bool = False
    text: str = ""
    words: list[Word] = field(default_factory=list)
    chunks: deque[bytes] = field(default_factory=deque)
    first_offset: int = 0
    """Bytes of the first chunk that were already pulled."""
    queued: int = 0
    """Samples in `chunks` not pulled yet."""
    flying: deque[bytes] = field(default_factory=deque)
    """What was pulled, from sample `flying_from` to `sent`."""
    flying_from: int = 0
    added: int = 0
    sent: int = 0
    playhead: int = 0
    finished: bool = False
    spoken: bool = True
    last_sent: bool = False

    @property
    def through(self) -> bool:
        return self.last_sent and self.playhead >= self.sent


class Playout:
    """The outgoing sound of one session. All methods return at once; unknown and dead reply numbers are ignored."""

    def __init__(self, rate_hz: int = MOUTH_HZ) -> None:
        self.rate_hz = rate_hz
        self._replies: dict[int, _Reply] = {}
        self.current = 0
        """Number of the reply that plays or plays next, 0 if none. Asked at every tick of every session, so it is kept."""
        self._newest = 0

    # ── filling ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, reply: int, *, gated: bool = False) -> None:
        """Opens a reply. Raises ValueError unless its number is higher than all before."""
        if reply <= self._newest:
            raise ValueError(f"reply {reply} cannot begin after reply {self._newest}")
        self._newest = reply
        self._replies[reply] = _Reply(reply, gated=gated)
        self.current = self.current or reply

    def add_piece(self, reply: int, text: str) -> None:
        """Adds generated text that is on its way to speech. Pieces come in order and tile the text."""
        if entry := self._replies.get(reply):
            entry.text += text

    def add_sound(self, reply: int, pcm: bytes, words: tuple[Word, ...] = ()) -> None:
        """Adds PCM16 at `rate_hz` and the words that begin in it, in order."""
        entry = self._replies.get(reply)
        if entry is None:
            return
        entry.words.extend(words)
        if pcm:
            entry.chunks.append(pcm)
            samples = len(pcm) // SAMPLE_BYTES
            entry.queued += samples
            entry.added += samples

    def finish(self, reply: int, rest: str = "", *, spoken: bool = True) -> None:
        """Nothing follows. `rest`: generated text after the last piece. `spoken`: False where the synthesiser failed on some of it; then
        only words with a time count as heard."""
        if entry := self._replies.get(reply):
            entry.text += rest
            entry.finished = True
            entry.spoken = spoken

    def release(self, reply: int) -> None:
        """Opens the gate of a speculated reply."""
        if entry := self._replies.get(reply):
            entry.gated = False

    # ── the caller's side ─────────────────────────────────────────────────────────────────────────────────────────────

    def hold(self, reply: int) -> None:
        """Silence, from the next pull on."""
        if entry := self._replies.get(reply):
            entry.held = True

    def resume(self, reply: int) -> None:
        """Goes on where `hold` stopped."""
        if entry := self._replies.get(reply):
            entry.held = False

    def cut(self, reply: int) -> Ledger:
        """Kills a reply: no sample of it leaves any more. The answer is final: in flight counts as unheard."""
        entry = self._remove(reply)
        if entry is None:
            return Ledger("", "", "")
        ledger = _ledger(entry)
        return Ledger(ledger.heard, "", ledger.in_flight + ledger.unheard)

    def retire(self, reply: int) -> Ledger:
        """Forgets a reply that was played to its end; the answer is its ledger."""
        entry = self._remove(reply)
        return _ledger(entry) if entry else Ledger("", "", "")

    def pull(self, samples: int) -> Sound | None:
        """The next `samples` samples of the oldest reply, fewer at its end; None when there is nothing to play.

        Less than a whole frame is only given at the end of a reply, so that a slow synthesiser does not tear words apart.
        """
        entry = self._front()
        if entry is None or entry.held or entry.gated or entry.last_sent:
            return None
        if entry.queued < samples and not entry.finished:
            return None
        count = min(samples, entry.queued)
        last = entry.finished and count == entry.queued
        if not count and not last:
            return None
        sound = Sound(entry.number, entry.sent, _take(entry, count * SAMPLE_BYTES), last)
        entry.flying.append(sound.pcm)
        entry.sent += count
        _land(entry, max(entry.playhead, entry.sent - KEPT_MS * self.rate_hz // 1000))
        entry.queued -= count
        entry.last_sent = last
        return sound

    def played(self, reply: int, offset: int) -> None:
        """The playhead of a reply stands at `offset`. It never goes back and never passes what was sent."""
        if entry := self._replies.get(reply):
            entry.playhead = max(entry.playhead, min(offset, entry.sent))
            _land(entry, entry.playhead)

    def rewind(self, reply: int, offset: int) -> int:
        """The far end has thrown away what it had from `offset` on: it is pulled again. Answers where the reply goes on.

        It never goes back behind the playhead, nor forward.
        """
        entry = self._replies.get(reply)
        if entry is None:
            return 0
        offset = min(max(offset, entry.playhead, entry.flying_from), entry.sent)
        lost = entry.sent - offset
        if lost:
            if entry.first_offset:
                entry.chunks[0] = entry.chunks[0][entry.first_offset :]
                entry.first_offset = 0
            entry.chunks.appendleft(b"".join(entry.flying)[(offset - entry.flying_from) * SAMPLE_BYTES :])
            entry.queued += lost
            entry.sent = offset
        entry.last_sent = entry.last_sent and not lost
        entry.flying.clear()
        entry.flying_from = offset  # what lies before it is on its way to the ear, and is not to be repeated
        return offset

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def held(self, reply: int) -> bool:
        """Whether the reply is silenced for now."""
        entry = self._replies.get(reply)
        return entry is not None and entry.held

    def through(self, reply: int) -> bool:
        """Whether all of the reply was heard to its end."""
        entry = self._replies.get(reply)
        return entry is not None and entry.through

    def in_flight(self, reply: int) -> int:
        """Samples that were sent and are not known to be heard."""
        entry = self._replies.get(reply)
        return entry.sent - entry.playhead if entry else 0

    def sent(self, reply: int) -> int:
        """Samples of the reply that have left."""
        entry = self._replies.get(reply)
        return entry.sent if entry else 0

    def playhead(self, reply: int) -> int:
        """The sample being heard."""
        entry = self._replies.get(reply)
        return entry.playhead if entry else 0

    def queued_ms(self, reply: int) -> float:
        """Milliseconds of sound that wait to be pulled: what a producer looks at before it makes more."""
        entry = self._replies.get(reply)
        return entry.queued * 1000 / self.rate_hz if entry else 0.0

    def ledger(self, reply: int) -> Ledger:
        """What was heard so far of a living reply."""
        entry = self._replies.get(reply)
        return _ledger(entry) if entry else Ledger("", "", "")

    def alive(self, reply: int) -> bool:
        """Whether the reply may still be heard."""
        return reply in self._replies

    def _front(self) -> _Reply | None:
        return self._replies.get(self.current)

    def _remove(self, reply: int) -> _Reply | None:
        entry = self._replies.pop(reply, None)
        self.current = next(iter(self._replies), 0)
        return entry


def _take(entry: _Reply, size: int) -> bytes:
    """The next `size` bytes of sound; one slice where they lie in one chunk, which is the common case."""
    parts: list[bytes] = []
    while size > 0:
        chunk = entry.chunks[0]
        piece = chunk[entry.first_offset : entry.first_offset + size]
        parts.append(piece)
        size -= len(piece)
        entry.first_offset += len(piece)
        if entry.first_offset == len(chunk):
            entry.chunks.popleft()
            entry.first_offset = 0
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _land(entry: _Reply, offset: int) -> None:
    """Forgets the sound in flight that lies before `offset`."""
    while entry.flying and entry.flying_from + len(entry.flying[0]) // SAMPLE_BYTES <= offset:
        entry.flying_from += len(entry.flying.popleft()) // SAMPLE_BYTES


def _ledger(entry: _Reply) -> Ledger:
    if entry.through and entry.spoken:
        return Ledger(entry.text, "", "")
    heard = _text_until(entry, entry.playhead)
    sent = max(heard, _text_until(entry, entry.sent))
    return Ledger(entry.text[:heard], entry.text[heard:sent], entry.text[sent:])


def _text_until(entry: _Reply, offset: int) -> int:
    """End, in the text, of the last word whose middle lies before `offset`."""
    count = bisect_right(entry.words, offset, key=lambda word: word.at)
    if count:
        word = entry.words[count - 1]
        after = entry.words[count].at if count < len(entry.words) else entry.added
        if offset < word.at + max(1, after - word.at) / 2:
            count -= 1
    return min(entry.words[count - 1].end, len(entry.text)) if count else 0
