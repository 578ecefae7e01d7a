"""What is written and must not be read aloud: Markdown, links, code, emoji.

The spoken text keeps, for each of its characters, where it came from in the written text, so that the time of a spoken word is the
time of a written one, and memory can be cut to the words that were heard. Pure.
"""

import re
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SpokenText:
    """Text for an engine, and the place of each of its characters in the written text."""

    text: str
    source: tuple[int, ...]
    """One index into the written text a character, never decreasing."""


_TOKEN = re.compile(
    r"""
    (?P<fence>```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z))
  | (?P<image>!\[(?P<alt>[^\]\n]*)\]\([^)\n]*\))
  | (?P<link>\[(?P<label>[^\]\n]+)\]\([^)\n]*\))
  | (?P<code>`(?P<inner>[^`\n]+)`)
  | (?P<url>(?:https?://|www\.)[^\s<>()\[\]]*[^\s<>()\[\].,;:!?'"])
  | (?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
  | (?P<tag></?[a-zA-Z][^<>\n]*>|<!--.*?-->)
  | (?P<heading>^[ \t]{0,3}\#{1,6}[ \t]+)
  | (?P<quote>^[ \t]*>[ \t]?)
  | (?P<rule>^[ \t]*(?:[-*_][ \t]*){3,}$|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*$)
  | (?P<bullet>^[ \t]*[-*+•][ \t]+)
  | (?P<cell>[ \t]*\|[ \t]*)
  | (?P<emphasis>\*{1,3}|~~|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w))
  | (?P<escape>\\(?P<escaped>[\\`*_{}\[\]()\#+.!|~-]))
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_MARKED = re.compile(r"[`*_~\[<>#|@\\•\-+]|://|www\.")
"""What has none of these holds nothing to clean but stray characters."""

_EMOJI = (
    (0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F1E6, 0x1F1FF), (0xFE00, 0xFE0F), (0x200D, 0x200D),
    (0x20E3, 0x20E3), (0xE0020, 0xE007F), (0x2190, 0x21FF),
)
"""Unicode blocks of pictographs, arrows and their joiners (Unicode 15.1, emoji-data)."""


class Say(Protocol):
    """Adds to what is spoken."""

    def __call__(self, words: str, at: int, *, spread: bool) -> None: ...


def clean(text: str, *, language: str = "en") -> SpokenText:
    """The part of a written text that is read aloud. Text that is nothing but code or marks gives an empty one."""
    out: list[str] = []
    source: list[int] = []

    def say(words: str, at: int, *, spread: bool) -> None:
        """Adds words that stand in the text from `at` on (`spread`), or are said in place of what stands there."""
        for offset, character in enumerate(words):
            if spoken := _plain(character):
                out.append(spoken)
                source.append(at + offset if spread else at)

    position = 0
    for token in _TOKEN.finditer(text) if _MARKED.search(text) else ():
        say(text[position : token.start()], position, spread=True)
        _say_token(token, say)
        position = token.end()
    say(text[position:], position, spread=True)
    return _tidy(out, source)


def _say_token(token: re.Match[str], say: Say) -> None:
    start = token.start()
    match token.lastgroup:
        case "image" | "alt":
            say(token["alt"], token.start("alt"), spread=True)
        case "link" | "label":
            say(token["label"], token.start("label"), spread=True)
        case "code" | "inner":
            say(token["inner"].replace("_", " "), token.start("inner"), spread=True)
        case "url":
            say(_spoken_url(token["url"]), start, spread=False)
        case "email":
            say(token["email"].replace("@", " at ").replace(".", " dot "), start, spread=False)
        case "escape" | "escaped":
            say(token["escaped"], token.start("escaped"), spread=True)
        case "cell":
            say(", ", start, spread=False)
        case "fence" | "tag" | "emphasis" | "rule":
            say(" " if token.lastgroup == "fence" else "", start, spread=False)


def _spoken_url(url: str) -> str:
    """A link is named by its site: nobody wants the rest read aloud."""
    host = re.sub(r"^(?:https?://)?(?:www\.)?", "", url).split("/")[0].split(":")[0]
    return f"{host.replace('.', ' dot ')} link" if host else "link"


def _plain(character: str) -> str:
    code = ord(character)
    if code < 0x2000:
        return character if code >= 32 else " "
    return "" if any(low <= code <= high for low, high in _EMOJI) else character


def _tidy(characters: list[str], source: list[int]) -> SpokenText:
    """Runs of spaces become one, and none is left at the ends; so do commas of empty table cells."""
    text: list[str] = []
    places: list[int] = []
    for character, place in zip(characters, source, strict=True):
        if character.isspace() and (not text or text[-1] == " "):
            continue
        if character == "," and (not text or (text[-1] in ", " and "".join(text[-2:]).strip() in ("", ","))):
            continue
        text.append(" " if character.isspace() else character)
        places.append(place)
    while text and text[-1] in " ,":
        if text[-1] == "," and not any(mark == "," for mark in text[-1:]):
            break
        text.pop()
        places.pop()
    spoken = "".join(text)
    if not any(character.isalnum() for character in spoken):
        return SpokenText("", ())
    return SpokenText(spoken, tuple(places))
