"""Small things to do by voice: spelling, dice, a coin, saying something after the caller."""

import re

from .conversation import Turn
from .numbers import exact_number, say
from .words import tokens

MOST_DICE = 6
"""How many dice are rolled at once."""


def spell(turn: Turn) -> str | None:
    """Spells a word letter by letter, or counts its letters."""
    found = re.search(r"\b(?:spell|spelling of|spelled)\s+(?:word |name |out |my |your )?([\w'-]+)$", turn.plain)
    if not found:
        return None
    word = found[1]
    if word == "name" and "my" in turn.words and turn.caller:
        word = turn.caller
    elif word == "name" and "your" in turn.words and turn.talk.me:
        word = turn.talk.me
    letters = ", ".join(letter.upper() for letter in word if letter.isalnum())
    return f"{word.capitalize()} is spelled {letters}."


def dice(turn: Turn) -> str | None:
    """Rolls one die or several, or picks a number."""
    found = re.search(r"\b(?:roll|throw|role|toss)\b(?: me)?(?: (?P<many>\w+))? ?\b(?:die|dice|dye)\b", turn.plain)
    if found:
        many = exact_number([found["many"]]) if found["many"] else 1
        many = min(MOST_DICE, max(1, int(many or 1)))
        rolls = [turn.chance.randint(1, 6) for _ in range(many)]
        if many == 1:
            return f"You rolled a {say(rolls[0])}."
        spoken = ", ".join(say(roll) for roll in rolls[:-1]) + f" and {say(rolls[-1])}"
        return f"You rolled {spoken}. Together that is {say(sum(rolls))}."
    found = re.search(r"\b(?:pick|choose|think of|give me) (?:random )?number\b(?: (?:between|from) (?P<bounds>.+))?", turn.plain)
    if found:
        bounds = [exact_number([word]) for word in (found["bounds"] or "").split()]
        known = [int(bound) for bound in bounds if bound is not None and bound != 2] or [10]
        return f"I pick {say(turn.chance.randint(1, max(2, *known, 2)))}."
    return None


def coin(turn: Turn) -> str | None:
    """Flips a coin."""
    if re.search(r"\b(?:flip|toss|throw|slip|lip)\b.*\b(?:coin|coins|corn)\b|^heads or tails$", turn.plain):
        return f"It is {turn.chance.choice(('heads', 'tails'))}."
    return None


def say_after(turn: Turn) -> str | None:
    """Says what the caller wants to hear said."""
    found = re.match(
        r"^[\s,]*(?:(?:please|can you|could you|would you|now|um|uh)[\s,]+)*(?:repeat after me|say after me|say)[\s,:]+(?P<what>.+)$",
        turn.text,
        re.IGNORECASE | re.DOTALL,
    )
    if not found or re.match(r"^(?:it |that |this )?(?:all )?(?:again|once more|one more time)\b", found["what"], re.IGNORECASE):
        return None
    what = found["what"].strip()
    if not tokens(what) or re.match(r"^(?:something|anything|my name|that|it|nothing|what)\b", what, re.IGNORECASE):
        return None
    return what[0].upper() + what[1:] + ("" if what[-1] in ".!?" else ".")
