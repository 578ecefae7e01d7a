"""What a caller said, brought into one plain form, however it was recognised, typed or punctuated."""

import re
from functools import lru_cache

_CONTRACTIONS = {
    "what's": "what is", "whats": "what is", "who's": "who is", "whos": "who is", "where's": "where is", "how's": "how is",
    "when's": "when is", "that's": "that is", "thats": "that is", "it's": "it is", "i'm": "i am", "im": "i am",
    "you're": "you are", "i've": "i have", "i'd": "i would", "i'll": "i will", "let's": "let us", "lets": "let us",
    "don't": "do not", "dont": "do not", "can't": "cannot", "didn't": "did not", "doesn't": "does not", "isn't": "is not",
    "wasn't": "was not", "won't": "will not", "gonna": "going to", "wanna": "want to", "p.m": "pm", "a.m": "am",
}  # fmt: skip
_SPELLINGS = {
    "favorite": "favourite", "color": "colour", "ok": "okay", "alright": "okay", "hiya": "hi", "yeah": "yes", "yep": "yes",
    "yup": "yes", "nope": "no", "nah": "no", "goodbye": "bye", "thankyou": "thanks", "programme": "program", "dices": "dice",
    "til": "until", "till": "until", "&": "and", "pls": "please",
}  # fmt: skip
_FILLERS = frozenset("um uh uhm er erm ah hmm mm please just well so actually maybe kindly".split())
_OPENERS = (
    "could you", "can you", "would you", "will you", "i want you to", "i would like you to", "i want to know", "do you know",
    "tell me please", "please can you", "i would like to know", "may i ask", "okay", "hey", "now", "and", "but", "then", "oh",
)  # fmt: skip
_ARTICLES = frozenset({"a", "an", "the"})

CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
"""A Chinese character."""

_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[a-zà-öø-ÿ]+(?:['’][a-zà-öø-ÿ]+)*|[+*/÷×=%&^-]|[\u3400-\u4dbf\u4e00-\u9fff]")
_SPOKEN_PIECE = re.compile(r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]|[^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+|\s+")


def pattern(*alternatives: str) -> re.Pattern[str]:
    """One pattern of several, to be searched for in plain words."""
    return re.compile("|".join(alternatives))


def is_chinese(text: str) -> bool:
    """Whether the text holds Chinese characters."""
    return CJK.search(text) is not None


def tokens(text: str) -> list[str]:
    """Cuts text into lower-case words, numbers and operators; contractions are written out, one spelling is used."""
    lowered = text.lower().replace("’", "'")
    lowered = re.sub(r"\b([ap])\.?\s?m\b\.?", r"\1m", lowered)
    found: list[str] = []
    for token in _TOKEN.findall(lowered):
        token = _CONTRACTIONS.get(token, token)
        if token.endswith("'s"):
            token = token[:-2]
        token = _SPELLINGS.get(token, token)
        found.extend(token.split())
    return found


@lru_cache(maxsize=4096)  # the same lines are read again at every turn, since the model keeps nothing
def plain(text: str, *, articles: bool = False) -> str:
    """The words without fillers, polite openers and (unless they are wanted) articles: what the rules look at."""
    kept = [token for token in tokens(text) if token not in _FILLERS and (articles or token not in _ARTICLES)]
    said = " ".join(kept)
    while True:
        opener = next((o for o in _OPENERS if said.startswith(o + " ")), None)
        if opener is None:
            return said
        said = said[len(opener) + 1 :]


def without_name(text: str, name: str | None) -> str:
    """Takes a name off the start or the end of what was said ("Ada, what time is it")."""
    if not name:
        return text
    called = re.escape(name)
    return re.sub(rf"^\s*(?:(?:hey|okay|hi)\s+)?{called}\s*[,:]\s*|\s*,\s*{called}\s*[.!?]?\s*$", "", text, flags=re.IGNORECASE)


def spoken_pieces(text: str) -> list[str]:
    """Cuts a reply as a language model streams it: word by word with the space after it, Chinese by character.

    Joined, the pieces are the text.
    """
    pieces: list[str] = []
    for piece in _SPOKEN_PIECE.findall(text):
        if piece.isspace() and pieces:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def likeness(said: frozenset[str], phrase: frozenset[str]) -> float:
    """How far two sets of words agree, from 0 to 1 (Dice's coefficient)."""
    if not said or not phrase:
        return 0.0
    return 2 * len(said & phrase) / (len(said) + len(phrase))
