"""Whether what is dictated is whole: telephone and card numbers, codes, dates, times, e-mail addresses, spelled names."""

import re

_DIGITS = frozenset("zero oh o one two three four five six seven eight nine".split())
_TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety".split())
_HOURS = frozenset(("ten", "eleven", "twelve", "o'clock", "fifteen"))
_TIMES = {"double": 2, "triple": 3}
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)
_BEFORE_MONTH = frozenset("in of this next last since until by from every during".split())
_MAIL = re.compile(r"\b(?:e-?mail|e mail|mail address)\b")
_MAIL_HOSTS = frozenset("gmail yahoo hotmail outlook icloud example proton protonmail aol".split())
_MAIL_JOINTS = frozenset("dot at underscore dash hyphen".split())
_SPELLING = re.compile(r"\b(?:spell(?:ed|t|ing)?|name|e-?mail|letters?|postcode|plate)\b")
_PHONE = re.compile(r"\b(?:phone|telephone|mobile|number|call|reach|dial|cell)\b")
_CARD = re.compile(r"\b(?:card|iban|account)\b")
_CODE = re.compile(r"\b(?:code|pin|extension|room|flight|gate|platform|year|order)\b")
_CHINESE_DIGITS = re.compile(r"[零〇一二三四五六七八九幺0-9\s]+$")

WHOLE, PERHAPS, HALF, SURELY_HALF = 0.85, 0.45, 0.25, 0.1


def completeness(words: list[str]) -> float | None:
    """How likely dictated words (lower case) are whole, 0 to 1; None where nothing is dictated at the end."""
    for rule in (_mail, _time_or_date, _spelled, _number):
        judged = rule(words)
        if judged is not None:
            return judged
    return None


def chinese_completeness(text: str) -> float | None:
    """The same for Chinese text: numbers (a mobile number has eleven digits), dates, and e-mail addresses."""
    if re.search(r"(?:艾特|圈a|@|邮箱.*点|邮箱.*at)$", text):
        return SURELY_HALF
    if re.search(r"[0-9零一二三四五六七八九十]月$", text):
        return PERHAPS
    run = _CHINESE_DIGITS.search(text)
    digits = len(re.sub(r"\s", "", run.group())) if run else 0
    if digits < 3:
        return None
    return WHOLE if digits in (8, 11) or digits > 12 else HALF


def ends_in_digits(words: list[str]) -> bool:
    """Whether the words end in three dictated digits or more."""
    return len(words) > 2 and all(word in _DIGITS or word in _TIMES or word.isdigit() for word in words[-3:])


def _mail(words: list[str]) -> float | None:
    text = " ".join(words)
    if words[-1] in _MAIL_HOSTS and len(words) > 1 and words[-2] == "at":
        return SURELY_HALF
    if not _MAIL.search(text):
        return None
    if words[-1] in _MAIL_JOINTS:
        return SURELY_HALF
    said = re.split(r"\b(?:is|address|e-?mail)\b", text)[-1].split()
    if not said:
        return None
    address = said[said.index("at") + 1 :] if "at" in said else None
    if address is None:
        return HALF if re.search(r"\b(?:is|it's|address)\b", text) and len(said) < 6 and "my" in words else None
    return WHOLE if "dot" in address else SURELY_HALF


def _time_or_date(words: list[str]) -> float | None:
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in ("a", "p") and (before in _DIGITS | _TENS | _HOURS or before.isdigit()):
        return SURELY_HALF
    if last in _MONTHS and before and before not in _BEFORE_MONTH and last not in ("march", "may"):
        return HALF if not re.search(r"(?:st|nd|rd|th|first|second|third)$", before) else None
    if last in _TENS and before in ("the", "on"):
        return HALF
    if last in ("quarter", "half") and (before in ("a", "at", "until") or last == "half"):
        return HALF
    if last in ("past", "o"):
        return SURELY_HALF
    return None


def _spelled(words: list[str]) -> float | None:
    letters = 0
    for word in reversed(words):
        if len(word) != 1 or word.isdigit():
            break
        letters += 1
    if not letters or words[-1] == "i" or (letters == 1 and words[-1] == "a"):
        return None
    context = " ".join(words[:-letters])
    if letters < 3 and _SPELLING.search(context):
        return SURELY_HALF
    return PERHAPS if letters > 2 else None


def _number(words: list[str]) -> float | None:
    digits, start = 0, len(words)
    for place in range(len(words) - 1, -1, -1):
        word = words[place]
        if word in _TIMES:
            if place == len(words) - 1:
                return SURELY_HALF
            digits += _TIMES[word] - 1
        elif word.isdigit():
            digits += len(word)
        elif word in _DIGITS:
            digits += 1
        else:
            break
        start = place
    context = " ".join(words[:start])
    return _digits_whole(digits, context)


def _digits_whole(digits: int, context: str) -> float | None:
    """How likely a run of single digits is all of them. Telephone numbers have seven, ten, or eleven to thirteen."""
    if _CARD.search(context) and digits:
        return WHOLE if digits >= 15 else SURELY_HALF
    if _CODE.search(context) and digits:
        return WHOLE if digits >= 3 else PERHAPS
    if _PHONE.search(context) and digits:
        return WHOLE if digits >= 10 else PERHAPS if digits == 7 else SURELY_HALF
    if digits < 3:
        return None
    if digits >= 10:
        return WHOLE
    return PERHAPS if digits == 7 else 0.35 if digits == 4 else 0.2
