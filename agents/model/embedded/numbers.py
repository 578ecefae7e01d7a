"""Numbers as people say them, in English and Chinese, both ways."""

import re
from collections.abc import Sequence
from fractions import Fraction

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_UNITS = {word: value for value, word in enumerate(_ONES)} | {"oh": 0, "nought": 0, "nil": 0, "fourty": 40}
_TENS_VALUES = {word: 10 * place for place, word in enumerate(_TENS) if word != "_"} | {"fourty": 40}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SOUNDS_LIKE = {"to": 2, "too": 2, "for": 4, "fore": 4, "ate": 8, "won": 1, "tree": 3, "sics": 6, "fife": 5, "free": 3}
"""Words that a recogniser writes for numbers; believed only where a number is expected."""

_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
).split()
ORDINALS = {word: value for value, word in enumerate(_ORDINALS)} | {"twentieth": 20, "thirtieth": 30}
"""Ordinal words up to the nineteenth, and the two round ones that dates need."""

LARGEST = 10**15 - 1
"""The largest number that is spoken out."""

NUMBER_WORDS = frozenset({*_UNITS, *_TENS_VALUES, *_SCALES, "hundred"})
"""The words that numbers are made of."""

Number = int | Fraction


def number_at(words: Sequence[str], start: int, *, loose: bool = False) -> tuple[Number, int] | None:
    """Reads the longest number that begins at `words[start]`: its value and the place after it, or None.

    `loose` also believes homophones ("to", "for"), for places where a number must stand.
    """
    if start >= len(words):
        return None
    written = re.fullmatch(r"\d[\d,]*(\.\d+)?", words[start])
    if written:
        value: Number = Fraction(words[start].replace(",", "")) if written[1] else int(words[start].replace(",", ""))
        return _scaled(words, start + 1, value)
    whole = _whole_at(words, start, loose)
    if whole is None:
        return None
    value, place = whole
    if place + 1 < len(words) and words[place] == "point" and words[place + 1] in _UNITS:
        return _decimals(words, place + 1, int(value))
    return value, place


def exact_number(words: Sequence[str], *, loose: bool = True) -> Number | None:
    """The number that the words are, if they are a number and nothing else."""
    read = number_at(words, 0, loose=loose)
    return read[0] if read and read[1] == len(words) else None


def _scaled(words: Sequence[str], place: int, value: Number) -> tuple[Number, int]:
    while place < len(words) and (words[place] in _SCALES or words[place] == "hundred"):
        value *= _SCALES.get(words[place], 100)
        place += 1
    return value, place


def _decimals(words: Sequence[str], place: int, whole: int) -> tuple[Number, int]:
    digits = ""
    while place < len(words) and 0 <= _UNITS.get(words[place], 10) < 10:
        digits += str(_UNITS[words[place]])
        place += 1
    return Fraction(f"{whole}.{digits}"), place


def _whole_at(words: Sequence[str], place: int, loose: bool) -> tuple[int, int] | None:
    total = group = 0
    read = False
    free = 1000  # what may still be added to the group must be smaller: "twenty five" is 25, "two thirty" two numbers
    while place < len(words):
        word = words[place]
        value = _value_of(word, loose and not read)
        if word == "a" and not read and place + 1 < len(words) and words[place + 1] in ("hundred", *_SCALES):
            value = 1
        if value is not None and value < free and not (value == 0 and read):
            group += value
            free = 10 if value >= 20 and value % 10 == 0 else 1
        elif word == "hundred" and group < 10:
            group, free = max(group, 1) * 100, 100
        elif word in _SCALES and (read or place == 0 or loose):
            total, group, free = total + max(group, 1) * _SCALES[word], 0, 1000
        elif word == "and" and read and words[place - 1] in ("hundred", *_SCALES) and _value_of_next(words, place):
            pass
        else:
            break
        read = True
        place += 1
    return (total + group, place) if read else None


def _value_of(word: str, loose: bool) -> int | None:
    value = _UNITS.get(word, _TENS_VALUES.get(word))
    return _SOUNDS_LIKE.get(word) if value is None and loose else value


def _value_of_next(words: Sequence[str], place: int) -> bool:
    return place + 1 < len(words) and _value_of(words[place + 1], loose=False) is not None


def say(number: Number) -> str:
    """Writes a number out in English words: `twenty-five`, `minus three point five`, `one hundred and seven`.

    Fractions are rounded to three decimals. Raises ValueError beyond `LARGEST`.
    """
    if not -LARGEST <= number <= LARGEST:
        raise ValueError(f"{number} is too large to be spoken")
    if number < 0:
        return "minus " + say(-number)
    if isinstance(number, Fraction) and number.denominator != 1:
        whole, _, decimals = f"{round(float(number), 3):.3f}".rstrip("0").partition(".")
        spoken = say(int(whole))
        return f"{spoken} point {' '.join(_ONES[int(digit)] for digit in decimals)}" if decimals else spoken
    return _say_whole(int(number))


def is_spoken_exactly(number: Number) -> bool:
    """Whether `say` gives the number itself and not a rounded one."""
    return (number * 1000) % 1 == 0


def _say_whole(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = number % 100
        return f"{_ONES[number // 100]} hundred" + (f" and {_say_whole(rest)}" if rest else "")
    scale, unit = max((value, word) for word, value in _SCALES.items() if value <= number)
    rest = number % scale
    joint = " and " if 0 < rest < 100 else " "
    return f"{_say_whole(number // scale)} {unit}" + (joint + _say_whole(rest) if rest else "")


def ordinal(number: int) -> str:
    """Writes an ordinal from 1 to 99 in words, for dates: `twenty-first`."""
    if number < 20:
        return _ORDINALS[number]
    if number % 10 == 0:
        return _TENS[number // 10][:-1] + "ieth"
    return f"{_TENS[number // 10]}-{_ORDINALS[number % 10]}"


_HAN_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
HAN_NUMBER = r"(?:\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千万]+)"
"""A regular expression for a number in Chinese characters or digits."""


def read_han(text: str) -> Number:
    """Reads a number that matches `HAN_NUMBER`."""
    if text[0].isdigit():
        return Fraction(text) if "." in text else int(text)
    total = group = digit = 0
    for sign in text:
        if sign in _HAN_DIGITS:
            digit = digit * 10 + _HAN_DIGITS[sign]
        elif sign == "万":
            total, group, digit = (group + digit or 1) * 10_000, 0, 0
        else:
            group, digit = group + (digit or 1) * _HAN_SCALES[sign], 0
    return total + group + digit


def say_han(number: Number) -> str:
    """Writes a number in Chinese characters, `二十五`; fractions with up to three decimals. Raises ValueError from 10^8 on."""
    if not -(10**8) < number < 10**8:
        raise ValueError(f"{number} is too large to be spoken")
    if number < 0:
        return "负" + say_han(-number)
    signs = "零一二三四五六七八九"
    if isinstance(number, Fraction) and number.denominator != 1:
        whole, _, decimals = f"{round(float(number), 3):.3f}".rstrip("0").partition(".")
        return say_han(int(whole)) + ("点" + "".join(signs[int(d)] for d in decimals) if decimals else "")
    number = int(number)
    if number >= 10_000:
        rest = number % 10_000
        gap = "零" if 0 < rest < 1000 else ""
        return say_han(number // 10_000) + "万" + gap + (say_han(rest) if rest else "")
    if number == 0:
        return "零"
    spoken, skipped = "", False
    for scale, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // scale % 10
        if digit:
            spoken += ("零" if skipped else "") + signs[digit] + unit
        skipped = bool(spoken) and not digit
    return spoken[1:] if 10 <= number < 20 else spoken
