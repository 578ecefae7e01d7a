"""Cutting a text that is still being written into pieces to speak.

The first piece of a reply is a clause, so that speech begins while the model still writes; then come whole sentences. Boundaries do
not depend on how the text arrives: the text is scanned once from left to right, and where the answer depends on characters that
are not there yet, the scan waits for them. Spaces between two pieces belong to the second. Pure.
"""

import re
from dataclasses import dataclass
from typing import Literal

FIRST_PIECE_CHARS = 60
"""A first piece without punctuation is cut at the last space before this: about four seconds of speech."""

LONGEST_PIECE_CHARS = 240
"""A sentence longer than this is cut at a clause, or at a space where it has none: about 16 seconds of speech."""

SHORTEST_CLAUSE_CHARS = 8
"""A first clause shorter than this ("Well,", "Yes,") waits for more: alone it would sound clipped."""

LONGEST_CODE_CHARS = 2000
"""A block of code longer than this is handed on in parts, so that it does not pile up here."""

CHINESE_WEIGHT = 3
"""A Chinese character takes as long to say as this many Latin letters (4 to 5 characters against 14 letters a second)."""

Kind = Literal["sentence", "clause", "words", "code"]

_TITLES = frozenset(
    "mr mrs ms dr prof rev hon gen col sgt capt lt st mt e.g i.e eg ie vs fig vol approx cf resp viz".split()
)
"""What stands before these full stops never ends a sentence."""
_SHORTENED = frozenset(
    """etc a.m p.m am pm inc ltd co corp jr sr u.s u.k u.s.a no dept est ave blvd rd jan feb mar apr jun jul aug sep sept oct nov
    dec min max sec hr hrs""".split()
)
"""These end one only where the next word does not begin with a small letter or a digit."""
_CLOSERS = frozenset("\"')]}»”’」』）】》*_`~")
_QUOTES = frozenset("\"'»”’」』")
_LATIN_ENDS = frozenset(".!?…")
_CHINESE_ENDS = frozenset("。！？；")
_LATIN_CLAUSES = frozenset(",;:—–")
_CHINESE_CLAUSES = frozenset("，、：")
_FENCES = ("```", "~~~")
_BLOCK_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|[-*+•][ \t]|\d{1,3}[.)][ \t]|>|\||```|~~~)")
_MARK_SO_FAR = re.compile(r"(?:#{1,6}|[-*+•]|\d{1,3}[.)]?|`{1,2}|~{1,2})\Z")
_MARKUP_REACH = 200  # an unclosed bracket, tag or backtick this far back is text, not markup
_WRAPPED_LINE_CHARS = 60  # a line this long that ends without punctuation was wrapped by its writer


class _Wait(Exception):
    """The next characters decide."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text; all pieces together are the text."""

    text: str
    start: int
    end: int
    kind: Kind = "sentence"
    """What it ends with: a sentence (or a line, or the text), a clause of one, or just a word because time or room ran out.
    `code` is a block of code."""


class SentenceCutter:
    """Takes a text as it is written, gives its pieces."""

    def __init__(self) -> None:
        self._text = ""
        self._start = 0
        self._scanned = 0
        self._weight = 0
        """How long the scanned text takes to say, in Latin letters."""
        self._clause = self._space = 0
        """Ends of the last clause and of the last word in the scanned text, 0 if none."""
        self._fence = ""
        """What closes the block of code in which the text stands, or empty."""
        self._first = True
        self._fresh = True
        """Whether the open text begins a line although no line break stands before it."""

    @property
    def waiting(self) -> bool:
        """Whether some text is not in a piece yet."""
        return bool(self._text) and not self._text.isspace()

    def push(self, delta: str) -> list[Piece]:
        """Adds text; answers the pieces that are complete now."""
        self._text += delta
        pieces: list[Piece] = []
        while (found := self._boundary()) is not None:
            pieces.append(self._take(*found))
        return pieces

    def flush(self) -> list[Piece]:
        """The text is over, or pauses: what is left is a piece."""
        kind: Kind = "code" if self._fence else "sentence"
        pieces = [self._take(len(self._text), kind)] if self._text else []
        self._fence = ""
        self._fresh = True
        return pieces

    def hurry(self) -> list[Piece]:
        """Time is up for a first piece: cuts at the last space, if at least two words stand before it."""
        cut = len(self._text[: self._text.rfind(" ") + 1].rstrip())
        if not self._first or self._fence or len(self._text[:cut].split()) < 2 or self._in_markup(cut):
            return []
        return [self._take(cut, "words")]

    def _take(self, end: int, kind: Kind) -> Piece:
        piece = Piece(self._text[:end], self._start, self._start + end, kind)
        self._text = self._text[end:]
        self._start += end
        self._scanned = self._weight = self._clause = self._space = 0
        self._fresh = False
        self._first = self._first and (kind == "code" or not piece.text.strip())
        return piece

    def _boundary(self) -> tuple[int, Kind] | None:
        """The end of the first piece in the open text, if it is certain."""
        if not self.waiting:
            return None
        try:
            if self._fence or self._opens_code():
                return self._code_end(), "code"
            while self._scanned < len(self._text):
                if (found := self._ends_at(self._scanned)) is not None:
                    return found
                self._weight += CHINESE_WEIGHT if self._text[self._scanned] >= "⺀" else 1
                self._scanned += 1
        except _Wait:
            pass
        return None

    # ── code ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _opens_code(self) -> bool:
        body = self._text.lstrip()
        if self._scanned or not (self._fresh or "\n" in self._text[: len(self._text) - len(body)]):
            return False
        for fence in _FENCES:
            if body.startswith(fence):
                self._fence = fence
                self._scanned = len(self._text) - len(body) + len(fence)
                return True
            if fence.startswith(body):
                raise _Wait
        return False

    def _code_end(self) -> int:
        closing = self._text.find(self._fence, self._scanned, LONGEST_CODE_CHARS)
        if closing >= 0:
            end = closing + len(self._fence)
            self._fence = ""
            return end
        if len(self._text) < LONGEST_CODE_CHARS:
            self._scanned = max(self._scanned, len(self._text) - len(self._fence) + 1)
            raise _Wait
        return len(self._text[:LONGEST_CODE_CHARS].rstrip(self._fence[0])) or LONGEST_CODE_CHARS

    # ── sentences, clauses, lines ─────────────────────────────────────────────────────────────────────────────────────

    def _ends_at(self, position: int) -> tuple[int, Kind] | None:
        text, character = self._text, self._text[position]
        if character == "\n":
            return self._line_end(position)
        if character in _LATIN_ENDS or character in _CHINESE_ENDS:
            end = self._sentence_end(position)
            return (end, "sentence") if end else None
        if character in _LATIN_CLAUSES or character in _CHINESE_CLAUSES:
            return self._clause_end(position)
        between_words = character >= "⺀" or (character.isspace() and position > 0 and not text[position - 1].isspace())
        if between_words and text[:position].strip() and not self._in_markup(position):
            self._space = position
        return self._room_end(position)

    def _room_end(self, position: int) -> tuple[int, Kind] | None:
        """Where a piece ends that found no boundary in time."""
        limit = FIRST_PIECE_CHARS if self._first else LONGEST_PIECE_CHARS
        if self._weight < limit:
            return None
        if self._clause and not self._first:
            return self._clause, "clause"
        if self._space:
            return self._space, "words"
        return (position, "words") if position >= 4 * LONGEST_PIECE_CHARS else None

    def _line_end(self, position: int) -> tuple[int, Kind] | None:
        text = self._text
        body = text[:position].rstrip()
        if not body:
            return None
        after = text[position:].lstrip()
        if not after:
            raise _Wait
        line = body[body.rfind("\n") + 1 :]
        blank = "\n" in text[position + 1 : len(text) - len(after)]
        if blank or _BLOCK_LINE.match(line) or len(line) < _WRAPPED_LINE_CHARS:
            return len(body), "sentence"
        if _MARK_SO_FAR.match(after):
            raise _Wait
        if _BLOCK_LINE.match(after) or not after[0].islower():
            return len(body), "sentence"
        self._space = len(body)
        return None

    def _sentence_end(self, position: int) -> int | None:
        text, end = self._text, position + 1
        while end < len(text) and (text[end] in _CLOSERS or text[end] in _LATIN_ENDS or text[end] in _CHINESE_ENDS):
            end += 1
        if end >= len(text):
            raise _Wait
        if (text[position] not in _CHINESE_ENDS and not text[end].isspace()) or self._in_markup(end):
            return None
        quoted = any(character in _QUOTES for character in text[position:end])
        if quoted and text[position] in _LATIN_ENDS and self._next_character(end).islower():
            return None  # "Stop!" he said.
        if text[position] == "." and end == position + 1 and self._is_no_end(position):
            return None
        return end

    def _is_no_end(self, position: int) -> bool:
        """Whether the full stop here belongs to an abbreviation, an initial or the number of a list."""
        match = re.search(r"[\w.]*\Z", self._text[max(0, position - 40) : position])
        before = match.group().lower() if match else ""
        if before in _TITLES or (len(before) == 1 and before.isalpha() and before != "i"):
            return True
        if before in _SHORTENED:
            following = self._next_character(position + 1)
            return following.islower() or following.isdigit()
        line = self._text[:position].rsplit("\n", 1)[-1].strip()
        return before.isdigit() and line == before

    def _next_character(self, position: int) -> str:
        rest = self._text[position:].lstrip()
        if not rest:
            raise _Wait
        return rest[0]

    def _clause_end(self, position: int) -> tuple[int, Kind] | None:
        text = self._text
        if position + 1 >= len(text):
            raise _Wait
        chinese = text[position] in _CHINESE_CLAUSES
        if (not chinese and not text[position + 1].isspace()) or self._in_markup(position + 1):
            return None
        self._clause = position + 1
        if self._first and self._weight + 1 >= SHORTEST_CLAUSE_CHARS and text[: position + 1].strip():
            return position + 1, "clause"
        return self._room_end(position)

    def _in_markup(self, end: int) -> bool:
        """Whether a cut here would tear a link, a tag or inline code."""
        near = self._text[max(0, end - _MARKUP_REACH) : end]
        near = near[near.rfind("\n") + 1 :]
        if near.count("`") % 2:
            return True
        if near.rfind("[") > near.rfind("]") or near.rfind("](") > near.rfind(")"):
            return True
        tag = near.rfind("<")
        return tag > near.rfind(">") and bool(re.match(r"<[/!a-zA-Z]", near[tag:]))
