"""From the words of a spoken piece back to the words of the written text, each with the moment at which it sounds. Pure."""

from dataclasses import dataclass

from ..tts.base import SpokenWord
from ..tts.words import WordTimes, written_words
from .cleaner import SpokenText
from .sentences import Piece

_OPENING = frozenset("([{<«“‘「『（《【*_`#~\"'")


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A written word of a reply with the punctuation and the marks attached to it, and where its sound begins.

    The spans of a reply never overlap and are in order; between two of them stand only spaces, and what is not spoken.
    """

    start: int
    """Index of its first character in the reply's text."""
    end: int
    at_sample: int
    """In samples from the beginning of the reply's whole sound."""


class PieceWords:
    """The words of one piece on their way to a time: every written word gets one, whatever the engine reports."""

    def __init__(self, piece: Piece, spoken: SpokenText) -> None:
        self._times = WordTimes(spoken.text)
        self._spans = _written_spans(piece, spoken)
        self._starts = [start for start, _ in written_words(spoken.text)]
        self._estimated = 0
        self.reported = False
        """Whether the engine has reported any word."""

    def report(self, word: SpokenWord) -> list[WordSpan]:
        """The engine says when a word sounds. Returns what this settles, with times in the engine's samples."""
        self.reported = True
        return self._written(self._times.report(word.start, word.at_sample))

    def estimate(self, samples: int, samples_a_character: float) -> list[WordSpan]:
        """For an engine that reports nothing: the words that begin in the first `samples` of the sound, if it speaks at this
        rate."""
        settled: list[SpokenWord] = []
        while self._estimated < len(self._starts):
            start = self._starts[self._estimated]
            if start * samples_a_character >= samples:
                break
            settled += self._times.report(start, int(start * samples_a_character))
            self._estimated += 1
        return self._written(settled)

    def finish(self, samples: int) -> list[WordSpan]:
        """The piece's sound is `samples` long and over. Returns the words that are left."""
        return self._written(self._times.finish(samples))

    def _written(self, words: list[SpokenWord]) -> list[WordSpan]:
        return [WordSpan(*self._spans[word.start], word.at_sample) for word in words if word.start in self._spans]


def _written_spans(piece: Piece, spoken: SpokenText) -> dict[int, tuple[int, int]]:
    """For the index of each spoken word its span in the reply's text. Words said in place of one written thing (a link's
    "example dot org") share the span, which goes to the first of them."""
    spans: dict[int, tuple[int, int]] = {}
    words: list[tuple[int, int, int]] = []
    for start, end in written_words(spoken.text):
        begin, after = spoken.source[start], spoken.source[end - 1] + 1
        if not words or begin > words[-1][1]:
            words.append((start, begin, after))
        else:
            words[-1] = (words[-1][0], words[-1][1], max(words[-1][2], after))
    text, edge = piece.text, 0
    for index, (key, begin, after) in enumerate(words):
        until = words[index + 1][1] if index + 1 < len(words) else len(text)
        span_start = _backward(text, edge, begin)
        edge = _forward(text, min(after, until), until)
        spans[key] = (piece.start + span_start, piece.start + edge)
    return spans


def _backward(text: str, edge: int, begin: int) -> int:
    """Where the word's opening marks begin: after the last space before it."""
    while begin > edge and not text[begin - 1].isspace():
        begin -= 1
    return begin


def _forward(text: str, after: int, until: int) -> int:
    """Where the word's closing marks end: at the first space, or before the marks that open the next word."""
    end = after
    while end < until and not text[end].isspace():
        if text[end] in _OPENING and until < len(text) and not any(character.isspace() for character in text[end:until]):
            break
        end += 1
    return end
