"""Arithmetic with spoken or typed numbers. Exact inside (fractions), rounded only when spoken, and then it says so."""

import re
from collections.abc import Sequence
from fractions import Fraction

from .conversation import Turn
from .numbers import LARGEST, Number, is_spoken_exactly, number_at, say

_OPERATORS = (
    ("to power of", "^"), ("multiplied by", "*"), ("multiplied with", "*"), ("divided by", "/"), ("divide by", "/"),
    ("added to", "+"), ("take away", "-"), ("plus", "+"), ("minus", "-"), ("less", "-"), ("times", "*"), ("time", "*"),
    ("over", "/"), ("x", "*"), ("×", "*"), ("÷", "/"), ("and", "+"), ("by", "*"),
)  # fmt: skip
_SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of"}
_ASKED = frozenset(
    "what is are was did does how much many that if you tell me calculate compute work out and so result sum product of".split()
)
"""Words around a sum. Recognisers mix the short ones up, so any of them may stand before it."""

_ENDS = r"\s+(?:equal|equals|make|makes|is|=|are)$"


class _TooLarge(Exception):
    pass


def arithmetic(turn: Turn) -> str | None:
    """Answers sums of two or more numbers, halves, doubles, squares, square roots and percentages."""
    words = re.sub(_ENDS, "", turn.plain).split()
    while words and words[0] in _ASKED:
        words = words[1:]
    said = " ".join(words)
    try:
        return _special(said) or _sum(_reordered(said).split())
    except ZeroDivisionError:
        return "Nobody can divide by zero, and neither can I."
    except _TooLarge:
        return "That number is too large for me to say."


def _reordered(said: str) -> str:
    """Puts "subtract three from ten" and its like into the order of a sum."""
    for verb, joint, operator, swap in (
        ("subtract", "from", "minus", True), ("take", "from", "minus", True), ("add", "(?:and|to)", "plus", False),
        ("multiply", "(?:by|and|with)", "times", False), ("divide", "(?:by|and)", "divided by", False),
    ):  # fmt: skip
        found = re.match(rf"^{verb} (?P<first>.+?) {joint} (?P<second>.+)$", said)
        if found:
            first, second = (found["second"], found["first"]) if swap else (found["first"], found["second"])
            return f"{first} {operator} {second}"
    return said


def _special(said: str) -> str | None:
    found = re.match(r"^(?P<what>half of|half|double|twice|square root of|third of|quarter of) (?P<of>.+)$", said)
    if found:
        value = _alone(found["of"])
        return None if value is None else _of(found["what"], value)
    found = re.match(r"^(?P<number>.+) (?P<what>squared|square|cubed)$", said)
    if found and (value := _alone(found["number"])) is not None:
        power = 3 if found["what"] == "cubed" else 2
        return _result(f"{say(value)} {'cubed' if power == 3 else 'squared'}", _power(value, power))
    found = re.match(r"^(?P<share>.+?) (?:percent|per cent|%) of (?P<of>.+)$", said)
    if found and (share := _alone(found["share"])) is not None and (value := _alone(found["of"])) is not None:
        return _result(f"{say(share)} percent of {say(value)}", Fraction(share) * value / 100)
    return None


def _of(what: str, value: Number) -> str:
    if what != "square root of":
        factor = {"double": Fraction(2), "twice": Fraction(2), "third of": Fraction(1, 3), "quarter of": Fraction(1, 4)}
        name = {"half": "half of", "third of": "a third of", "quarter of": "a quarter of"}.get(what, what)
        return _result(f"{name} {say(value)}", value * factor.get(what, Fraction(1, 2)))
    if value < 0:
        return "A negative number has no real square root."
    root = Fraction(round(float(value) ** 0.5, 9)).limit_denominator(10**6)
    return _result(f"the square root of {say(value)}", root, exact=root * root == value)


def _alone(said: str) -> Number | None:
    read = number_at(said.split(), 0, loose=True)
    if read is None or read[1] != len(said.split()):
        return None
    return _bounded(read[0])


def _sum(words: Sequence[str]) -> str | None:
    terms: list[Number | str] = []
    place = 0
    while place < len(words):
        wants_number = not terms or isinstance(terms[-1], str)
        if wants_number:
            sign = -1 if words[place] in ("minus", "negative", "-") else 1
            read = number_at(words, place + (sign < 0), loose=True)
            if read is None:
                return None
            terms.append(_bounded(sign * read[0]))
            place = read[1]
        else:
            operator = _operator_at(words, place)
            if operator is None:
                return None
            terms.append(operator[0])
            place = operator[1]
    if len(terms) < 3 or isinstance(terms[-1], str):
        return None
    spoken = " ".join(_SIGNS[term] if isinstance(term, str) else say(term) for term in terms)
    return _result(spoken, _evaluate(terms))


def _operator_at(words: Sequence[str], place: int) -> tuple[str, int] | None:
    if words[place] in _SIGNS:
        return words[place], place + 1
    for name, sign in _OPERATORS:
        length = len(name.split())
        if " ".join(words[place : place + length]) == name:
            return sign, place + length
    return None


def _evaluate(terms: Sequence[Number | str]) -> Number:
    """Powers before products before sums, from left to right."""
    rest = list(terms)
    for level in ("^", "*/", "+-"):
        place = 1
        while place < len(rest):
            sign = rest[place]
            if isinstance(sign, str) and sign in level:
                left, right = rest[place - 1], rest[place + 1]
                assert not isinstance(left, str) and not isinstance(right, str)  # terms alternate
                rest[place - 1 : place + 2] = [_bounded(_apply(left, sign, right))]
            else:
                place += 2
    value = rest[0]
    assert not isinstance(value, str)
    return value


def _apply(left: Number, sign: str, right: Number) -> Number:
    if sign == "^":
        return _power(left, right)
    if sign == "/":
        return Fraction(left) / right
    return left + right if sign == "+" else left - right if sign == "-" else left * right


def _power(value: Number, exponent: Number) -> Number:
    if exponent != int(exponent) or not 0 <= exponent <= 60:
        raise _TooLarge
    return _bounded(value ** int(exponent))


def _bounded(value: Number) -> Number:
    if not -LARGEST <= value <= LARGEST:
        raise _TooLarge
    return value


def _result(spoken: str, value: Number, exact: bool = True) -> str:
    about = "" if exact and is_spoken_exactly(value) else "about "
    sentence = f"{spoken} is {about}{say(_bounded(value))}."
    return sentence[0].upper() + sentence[1:]
