"""What is written and must not be read aloud: Markdown, links, code, emoji.

The spoken text keeps, for each of its characters, where it came from in the written text, so that the time of a spoken word is the
time of a written one, and memory can be cut to the words that were heard. Pure.
"""

import html
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpokenText:
    """Text for an engine, and the place of each of its characters in the written text."""

    text: str
    source: tuple[int, ...]
    """One index into the written text a character, never decreasing."""


_TOKEN = re.compile(
    r"""
    (?=\W|_|^|https?://|www\.|(?<![\w.+-])[\w.+-]+@)  # quick to say no at the letters of a word
    (?:
    (?P<fence>```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z))
  | (?P<image>!\[(?P<alt>[^\[\]\n]*)\]\([^)\n]*\))
  | (?P<definition>^[ ]{0,3}\[[^\[\]\n]+\]:[ \t]+\S+[^\n]*$)
  | (?P<note>\[\^[^\[\]\s]+\]:?|\[\d{1,3}\](?!\())
  | (?P<link>\[(?P<label>[^\[\]\n]+)\](?:\([^)\n]*\)|\[[^\]\n]*\]))
  | (?P<code>(?P<ticks>`{1,2})(?P<inner>[^`\n]+)(?P=ticks))
  | (?P<url>(?:https?://|www\.)[^\s<>()\[\]，。！？；、：）」』】》]*[^\s<>()\[\].,;:!?'"*_`~，。！？；、：）」』】》])
  | (?P<email>(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
  | (?P<tag></?[a-zA-Z][^<>\n]*>|<!--.*?-->)
  | (?P<entity>&(?:\#\d{1,7}|\#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)
  | (?P<heading>^[ \t]{0,3}\#{1,6}[ \t]+|[ \t]+\#{1,6}[ \t]*$)
  | (?P<quote>^[ \t]*>[ \t]?)
  | (?P<rule>^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*$)
  | (?P<bullet>^[ \t]*[-*+•◦▪‣·][ \t]+(?:\[[ xX]\][ \t]+)?)
  | (?P<cell>[ \t]*\|[ \t]*)
  | (?P<times>(?<=\d)[ ]?(?:\*|×)[ ]?(?=\d))
  | (?P<emphasis>\*{1,3}|~~|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w))
  | (?P<joint>(?<=\w)_+(?=\w))
  | (?P<range>(?<=\d)–(?=\d))
  | (?P<arrow>[ ]?(?:→|⇒|->|=>)[ ]?)
  | (?P<dash>[ ](?:--+|[–—])[ ]|—+|--+(?=\s|\w))
  | (?P<smiley>(?<!\S)[:;=]-?[()DPp](?!\w))
  | (?P<escape>\\(?P<escaped>[\\`*_{}\[\]()\#+.!|~<>-]))
    )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_MARKED = re.compile(r"[`*_~\[<>#|@\\&•◦▪‣·×=–—→⇒-]|://|www\.|[:;][-()DPp]")
"""What has none of these holds nothing to clean but stray characters."""

_UNSPOKEN = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2190-\u21ff\u2300-\u23ff\u25a0-\u25ff"  # pictographs, arrows, shapes
    "\u2122\u00ae\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\u20e3\U000e0020-\U000e007f\ufff9-\ufffd"  # joiners
    "\ud800-\udfff]"
)
"""Characters without a sound (Unicode 15.1: emoji-data, general punctuation)."""

_WORDS = {
    "en": {"at": " at ", "dot": " dot ", "link": "link", "to": " to ", "times": " times ", "pause": ", "},
    "zh": {"at": " at ", "dot": "点", "link": "链接", "to": "到", "times": "乘", "pause": "，"},
}
"""What is said in place of a mark."""


def clean(text: str, *, language: str = "en") -> SpokenText:
    """The part of a written text that is read aloud. Text that is nothing but code or marks gives an empty one.

    `language` (BCP 47) decides how marks that have words are said: English or Chinese, English for all others.
    """
    draft = _Draft(text, _WORDS["zh" if language.lower().startswith(("zh", "cmn", "yue")) else "en"])
    position = 0
    for token in _TOKEN.finditer(text) if _MARKED.search(text) else ():
        draft.keep(position, token.start())
        draft.take(token)
        position = token.end()
    draft.keep(position, len(text))
    return draft.tidy()


class _Draft:
    """The spoken characters and where each came from."""

    def __init__(self, text: str, words: dict[str, str]) -> None:
        self._text = text
        self._words = words
        self._out: list[str] = []
        self._source: list[int] = []

    def keep(self, start: int, end: int) -> None:
        """Says the written text as it stands."""
        self._out += self._text[start:end]
        self._source += range(start, end)

    def say(self, words: str, at: int) -> None:
        """Says words in place of what stands at `at`."""
        self._out += words
        self._source += [at] * len(words)

    def take(self, token: re.Match[str]) -> None:
        start = token.start()
        match token.lastgroup:
            case "image" | "alt":
                self.keep(*token.span("alt"))
            case "link" | "label":
                self.keep(*token.span("label"))
            case "code" | "ticks" | "inner":
                self._keep_code(*token.span("inner"))
            case "url":
                self._say_url(token["url"], start)
            case "email":
                self._keep_address(*token.span())
            case "entity":
                self.say(html.unescape(token["entity"]), start)
            case "escape" | "escaped":
                self.keep(*token.span("escaped"))
            case "cell" | "dash":
                self.say(self._words["pause"], start)
            case "times":
                self.say(self._words["times"], start)
            case "range" | "arrow":
                self.say(self._words["to"], start)
            case "fence" | "joint":
                self.say(" ", start)
            case "tag" if token["tag"].lower().startswith(("<br", "<p", "</p", "<li", "</li", "<tr", "<td")):
                self.say("\n", start)
            case _:
                pass  # headings, bullets, rules, emphasis, notes, smileys: nothing to say

    def _keep_code(self, start: int, end: int) -> None:
        """Inline code is read as words: `get_time()` is "get time"."""
        for index in range(start, end):
            if self._text[index] in "_{}[]()<>;":
                self.say(" ", index)
            else:
                self.keep(index, index + 1)

    def _say_url(self, url: str, at: int) -> None:
        """A link is named by its site: nobody wants the rest read aloud."""
        host = re.split(r"[/?#:@]", re.sub(r"^(?:https?://)?(?:www\.)?", "", url))[0]
        named = f"{host.replace('.', self._words['dot'])} {self._words['link']}" if host else self._words["link"]
        self.say(named, at)

    def _keep_address(self, start: int, end: int) -> None:
        for index in range(start, end):
            spoken = {"@": self._words["at"], ".": self._words["dot"]}.get(self._text[index])
            if spoken is None:
                self.keep(index, index + 1)
            else:
                self.say(spoken, index)

    def tidy(self) -> SpokenText:
        """Drops what has no sound; makes one space of many, and a pause of a line break; leaves none at the ends."""
        end = len(self._out)
        while end and self._out[end - 1].isspace():
            end -= 1
        text: list[str] = []
        places: list[int] = []
        for character, place in zip(self._out[:end], self._source[:end], strict=True):
            if character != "\n" and (_UNSPOKEN.match(character) or not (character.isprintable() or character.isspace())):
                continue
            if character == "\n" and text and (text[-1].isalnum() or text[-1] in _NO_PAUSE):
                text.append(self._words["pause"][0])
                places.append(place)
            if character.isspace():
                if not text or text[-1] in " ，。！？；：":
                    continue
                character = " "
            elif character in _POINTS and not _joins(text, places, character, place):
                continue
            text.append(character)
            places.append(place)
        while text and text[-1] == " ":
            text.pop()
            places.pop()
        if not any(character.isalnum() for character in text):
            return SpokenText("", ())
        return SpokenText("".join(text), tuple(places))


_POINTS = ",.!?;:，。！？；："
_NO_PAUSE = ")”\"'"
"""Behind these, as behind letters, a line break becomes a pause; behind punctuation there is one already."""


def _joins(text: list[str], places: list[int], mark: str, place: int) -> bool:
    """Whether a punctuation mark is wanted here. Takes away what it makes needless: the space that something unspoken left
    before it, a weaker mark, a repeated "!"."""
    if text and text[-1] == " " and place - places[-1] != 1:
        text.pop()
        places.pop()
    if not text:
        return mark not in ",，"
    if mark in ",，":
        return text[-1] not in _POINTS
    if text[-1] in ",，" or (text[-1] == mark and mark in "!?！？"):
        text.pop()
        places.pop()
    return True
