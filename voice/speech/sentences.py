"""Cutting a text that is still being written into pieces to speak.

The first piece of a reply is a clause, so that speech begins while the model still writes; then come whole sentences. Boundaries do
not depend on how the text arrives: a boundary is only taken once the character behind it is known. Pure.
"""

import re
from dataclasses import dataclass

FIRST_PIECE_CHARS = 60
"""A first piece without punctuation is cut at the next space after this: about four seconds of speech."""

LONGEST_PIECE_CHARS = 240
"""A sentence longer than this is cut at a clause, or at a space where it has none."""

SHORTEST_CLAUSE_CHARS = 8
"""A first clause shorter than this ("Well,", "Yes,") waits for more: alone it would sound clipped."""

_ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof st sr jr vs etc eg ie e.g i.e a.m p.m am pm no vol fig approx dept est inc ltd co corp gen col sgt capt lt
    rev hon mt ave blvd rd jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k""".split()
)
_CLOSERS = "\"')]}»”’」』）】》*_`"
_LATIN_ENDS = ".!?…"
_CHINESE_ENDS = "。！？；…"
_LATIN_CLAUSES = ",;:—–"
_CHINESE_CLAUSES = "，、：；"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text, with the spaces after it; all pieces together are the text."""

    text: str
    start: int
    end: int


class SentenceCutter:
    """Takes a text as it is written, gives its pieces."""

    def __init__(self) -> None:
        self._text = ""
        self._start = 0
        self._scanned = 0
        self._clause = 0
        """End of the last clause in the open piece, relative to its start; 0 if none."""
        self._first = True

    @property
    def waiting(self) -> bool:
        """Whether some text is not in a piece yet."""
        return bool(self._text.strip())

    def push(self, delta: str) -> list[Piece]:
        """Adds text; answers the pieces that are complete now."""
        self._text += delta
        pieces: list[Piece] = []
        while (end := self._boundary()) is not None:
            pieces.append(self._take(end))
        return pieces

    def flush(self) -> list[Piece]:
        """The text is over: what is left is the last piece."""
        return [self._take(len(self._text))] if self._text else []

    def hurry(self) -> list[Piece]:
        """Time is up for a first piece: cuts at the last space, if at least two words stand before it."""
        cut = self._text.rfind(" ") + 1
        if not self._first or len(self._text[:cut].split()) < 2 or self._in_fence(cut):
            return []
        return [self._take(cut)]

    def _take(self, end: int) -> Piece:
        piece = Piece(self._text[:end], self._start, self._start + end)
        self._text = self._text[end:]
        self._start += end
        self._scanned = self._clause = 0
        self._first = self._first and not piece.text.strip()
        return piece

    def _boundary(self) -> int | None:
        """The first end of a piece in the open text, if one is certain."""
        text = self._text
        position = self._scanned
        while position < len(text):
            if text.startswith("`", position) and "```".startswith(text[position:]):
                return None  # perhaps a fence: wait for the rest of it
            if text.startswith("```", position):
                end = self._fence_end(position)
                if end is None:
                    return None
                position = self._scanned = end
                continue
            if (end := self._ends_at(position)) is not None:
                if end < 0:
                    return None
                return end
            position += 1
            self._scanned = position
        return None

    def _fence_end(self, position: int) -> int | None:
        closing = self._text.find("```", position + 3)
        return None if closing < 0 else closing + 3

    def _in_fence(self, end: int) -> bool:
        return self._text[:end].count("```") % 2 == 1

    def _ends_at(self, position: int) -> int | None:
        """End of the piece if one ends with the character here; -1 when the next character must be known first."""
        text, character = self._text, self._text[position]
        if character == "\n":
            return self._after_spaces(position + 1) if text[:position].strip() else None
        if character in _LATIN_ENDS or character in _CHINESE_ENDS:
            return self._sentence_end(position)
        if character in _LATIN_CLAUSES or character in _CHINESE_CLAUSES:
            return self._clause_end(position)
        limit = FIRST_PIECE_CHARS if self._first else LONGEST_PIECE_CHARS
        if position >= limit and (character == " " or character >= "⺀"):
            return self._after_spaces(self._clause or position + 1)
        return None

    def _sentence_end(self, position: int) -> int | None:
        text = self._text
        end = position + 1
        while end < len(text) and (text[end] in _CLOSERS or text[end] in _LATIN_ENDS or text[end] in _CHINESE_ENDS):
            end += 1
        if end >= len(text):
            return -1
        chinese = text[position] in _CHINESE_ENDS and text[position] != "…"
        if not chinese and not text[end].isspace():
            return None
        if text[position] == "." and self._is_no_end(position):
            return None
        return self._after_spaces(end)

    def _is_no_end(self, position: int) -> bool:
        """Whether the full stop here belongs to an abbreviation, an initial or the number of a list."""
        word = re.search(r"[\w.]*$", self._text[:position])
        before = word.group().lower() if word else ""
        if before in _ABBREVIATIONS or (len(before) == 1 and before.isalpha() and before != "i"):
            return True
        line = self._text[:position].rsplit("\n", 1)[-1].strip()
        return before.isdigit() and line == before

    def _clause_end(self, position: int) -> int | None:
        text = self._text
        if position + 1 >= len(text):
            return -1
        if text[position] not in _CHINESE_CLAUSES and not text[position + 1].isspace():
            return None
        self._clause = position + 1
        enough = len(text[: position + 1].strip()) >= (4 if text[position] in _CHINESE_CLAUSES else SHORTEST_CLAUSE_CHARS)
        long = position >= LONGEST_PIECE_CHARS
        return self._after_spaces(position + 1) if long or (self._first and enough) else None

    def _after_spaces(self, end: int) -> int:
        """The end with the one space behind it; further spaces belong to the next piece, so that nobody waits for them."""
        return end + 1 if end < len(self._text) and self._text[end].isspace() else end
