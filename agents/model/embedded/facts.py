"""What callers told about themselves, and the very few things that the model knows of the world."""

import re
from datetime import date

from .clock import spoken_date, spoken_year
from .conversation import Turn
from .numbers import say
from .words import plain

_SWAPS = {"my": "your", "mine": "yours", "i": "you", "am": "are", "me": "you", "myself": "yourself", "was": "were", "our": "your"}
_MY_FACT = re.compile(r"^(?:remember )?(?:that )?my (?P<what>(?!name\b)[\w' ]+?) (?P<is>is called|is|are|was) (?P<value>.+)$")
_MY_QUESTION = re.compile(
    r"^(?:what|who|which|when|where|tell me)(?: is| are| was)? my (?P<what>[\w' ]+?)(?: called)?(?: again)?$"
)
_I_FACTS = {
    "live": re.compile(r"^(?:remember )?(?:that )?i live (?P<value>(?:in|at|near|on|by|with) .+)$"),
    "from": re.compile(r"^(?:remember )?(?:that )?i (?:am|come) from (?P<value>.+)$"),
    "work": re.compile(r"^(?:remember )?(?:that )?i work (?P<value>(?:as|at|for|in|with) .+)$"),
    "like": re.compile(r"^(?:remember )?(?:that )?i (?:really )?(?:like|love) (?P<value>.+)$"),
    "have": re.compile(r"^(?:remember )?(?:that )?i have (?P<value>.+)$"),
}
_I_QUESTIONS = (
    (r"^where do i live$", "live", "You live {}."),
    (r"^where (?:am i|do i come) from$", "from", "You are from {}."),
    (r"^(?:where do i work|what do i do(?: for living)?|what is my (?:job|work))$", "work", "You work {}."),
    (r"^what do i (?:like|love)$", "like", "You like {}."),
    (r"^what do i have$", "have", "You have {}."),
)
_NOTE = re.compile(r"^remember (?:that )?(?P<value>.+)$")


def remembered(turn: Turn) -> str | None:
    """Takes note of what a caller says of themselves, and answers questions about it."""
    return _name(turn) or _told(turn) or _asked(turn) or _everything(turn)


def _name(turn: Turn) -> str | None:
    if re.search(r"\b(?:what is my name|who am i|(?:remember|know) my name|say my name|what am i called)\b", turn.plain):
        return f"Your name is {turn.caller}." if turn.caller else "You have not told me your name yet. What is your name?"
    return None


def _facts(turn: Turn) -> dict[str, str]:
    """What this speaker told, newest last; keys are `my <what>`, or the verb of an "I" sentence."""
    facts: dict[str, str] = {}
    for line in turn.talk.said_by(turn.speaker):
        key_value = _fact_in(line.text)
        if key_value:
            facts.pop(key_value[0], None)
            facts[key_value[0]] = key_value[1]
    return facts


def _fact_in(text: str) -> tuple[str, str] | None:
    """What is told about the speaker, under which key, and the words for it in the speaker's own spelling."""
    said = plain(text, articles=True)
    found = _MY_FACT.match(said)
    if found:
        called = "called " if found["is"] == "is called" else ""
        return f"my {found['what']}", called + _spelled(found["value"], text)
    for verb, pattern in _I_FACTS.items():
        found = pattern.match(said)
        if found:
            return verb, _spelled(found["value"], text)
    found = _NOTE.match(said)
    if found and not re.match(r"^(?:my name|me|when|what|i said|i told)\b", found["value"]):
        return f"note {found['value']}", _spelled(found["value"], text)
    return None


def _spelled(value: str, text: str) -> str:
    found = re.search(re.escape(value), text, re.IGNORECASE)
    return found[0] if found else value


def _told(turn: Turn) -> str | None:
    fact = _fact_in(turn.text)
    if fact is None:
        return None
    what, value = fact
    if what.startswith("my "):
        verb = "are" if re.search(rf"^(?:remember )?(?:that )?{re.escape(what)} are\b", turn.plain) else "is"
        return f"I will remember that your {what[3:]} {verb} {_mirrored(value)}."
    if what.startswith("note "):
        return f"I will remember it: {_mirrored(value)}."
    said = {"live": "you live", "from": "you are from", "work": "you work", "like": "you like", "have": "you have"}[what]
    return f"I will remember that {said} {_mirrored(value)}."


def _asked(turn: Turn) -> str | None:
    found = _MY_QUESTION.match(turn.plain)
    facts = _facts(turn)
    if found:
        what = found["what"]
        value = facts.get(f"my {what}")
        if value is None and what in ("job", "work"):
            value = facts.get("work")
            return f"You work {_mirrored(value)}." if value else f"You have not told me your {what} yet."
        return f"Your {what} is {_mirrored(value)}." if value else f"You have not told me your {what} yet."
    for pattern, key, sentence in _I_QUESTIONS:
        if re.match(pattern, turn.plain):
            return sentence.format(_mirrored(facts[key])) if key in facts else "You have not told me that yet."
    return None


def _everything(turn: Turn) -> str | None:
    if not re.search(r"\bwhat (?:do you (?:know|remember)|have i told you)\b(?:.*\babout (?:me|myself)\b)?", turn.plain):
        return None
    known = [f"your name is {turn.caller}"] if turn.caller else []
    wording = {"live": "you live", "from": "you are from", "work": "you work", "like": "you like", "have": "you have"}
    for what, value in _facts(turn).items():
        if what.startswith("my "):
            known.append(f"your {what[3:]} is {_mirrored(value)}")
        elif what.startswith("note "):
            known.append(_mirrored(value))
        else:
            known.append(f"{wording[what]} {_mirrored(value)}")
    if not known:
        return "Nothing yet. You could tell me your name, or your favourite colour."
    listed = ", ".join(known[:-1]) + (" and " if len(known) > 1 else "") + known[-1]
    return f"From this conversation I know that {listed}."


def _mirrored(said: str) -> str:
    """Turns what a caller says of themselves into what is said to them: "my dog" becomes "your dog"."""
    return " ".join(_SWAPS.get(word, word) for word in said.split())


_OPENED = (
    (r"\bbrooklyn\b|\bbrook ?(?:lin|line|land)\b.*\bbridge\b", "The Brooklyn Bridge", date(1883, 5, 24)),
    (r"\bgolden gate\b", "The Golden Gate Bridge", date(1937, 5, 27)),
    (r"\beiffel\b", "The Eiffel Tower", date(1889, 3, 31)),
)
_CAPITALS = {
    "france": "Paris", "germany": "Berlin", "china": "Beijing", "italy": "Rome", "spain": "Madrid", "japan": "Tokyo",
    "england": "London", "austria": "Vienna",
}  # fmt: skip


def knowledge(turn: Turn) -> str | None:
    """Answers from a handful of facts, and admits that they are only a handful."""
    said = turn.plain
    for pattern, name, opened in _OPENED:
        if re.search(pattern, said):
            return _age(name, opened, turn.now.date())
    capital = re.search(r"\bcapital (?:city )?(?:of|for|off) (\w+)", said)
    if capital:
        city = _CAPITALS.get(capital[1])
        country = capital[1].capitalize()
        return f"The capital of {country} is {city}." if city else f"I know only a few capitals, and not that of {country}."
    if re.search(r"\bhow far\b.*\bmoon\b|\bdistance\b.*\bmoon\b", said):
        return "The moon is about three hundred and eighty-four thousand kilometres away, on average."
    if re.search(r"\bspeed of light\b|\bhow fast is light\b", said):
        return "Light travels about three hundred thousand kilometres in a second."
    if re.search(
        r"\bweather\b|\bgoing to rain\b|\bis it (?:raining|sunny|cold outside|warm outside)\b"
        r"|\bhow (?:warm|cold) is it\b|\btemperature\b",
        said,
    ):
        return "I have no weather report here, so I cannot say. Looking out of a window would be the better source."
    if re.search(r"\b(?:news|headlines|football score|stock price)\b", said):
        return "I have no connection to any news, so I cannot say."
    if re.search(r"^how (?:old|tall|big|far|high|long|deep|heavy|fast) (?:is|are) (?!you\b)\w+", said) or re.match(
        r"^(?:who (?:is|was|invented|wrote|made)|what is capital|when (?:was|did)|where is) (?!you\b|your\b|that\b|it\b)\w+", said
    ):
        return "I know only a handful of facts, and that is not one of them. I can tell you how old the Brooklyn Bridge is."
    return None


def _age(name: str, opened: date, today: date) -> str:
    years = today.year - opened.year - ((today.month, today.day) < (opened.month, opened.day))
    return f"{name} is {say(years)} years old. It opened on {spoken_date(opened)}, {spoken_year(opened.year)}."
