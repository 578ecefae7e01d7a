"""Long texts in parts that a synthesiser takes in one go."""

import re
from collections.abc import Iterator

UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of characters, which no engine should be given."""

_ENDS = (
    re.compile(r"[.!?。！？][^\w\s]*(?:\s+|(?<=[。！？]))"),
    re.compile(r"[,;:，；、](?:\s+|(?<=[，；、]))"),
    re.compile(r"\s+"),
)


def parts(text: str, longest: int) -> Iterator[str]:
    """Cuts `text` into parts of `longest` characters at most, where it hurts least: after a sentence, else a clause, else a word, else
    anywhere. Together they are the text."""
    begin = 0
    while len(text) - begin > longest:
        window = text[begin : begin + longest]
        ends = (max((match.end() for match in pattern.finditer(window)), default=0) for pattern in _ENDS)
        end = begin + next((end for end in ends if end), longest)
        yield text[begin:end]
        begin = end
    if begin < len(text):
        yield text[begin:]
