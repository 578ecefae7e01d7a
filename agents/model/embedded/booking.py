"""Booking a room: a small demonstration of asking for what is still missing. Nothing is really booked, and it says so.

The state is not stored: the lines that the caller has said are walked through again at every turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .clock import MONTHS, spoken_time
from .conversation import Turn
from .numbers import ORDINALS, exact_number, number_at, ordinal, say
from .words import plain

LONGEST_BOOKING = 40
"""How many of a caller's lines a booking may stretch over."""

_START = re.compile(
    r"\b(?:book|books|brook|look|booked|reserve|reserved|booking|reservation)\b.*\b(?:room|rooms|rome|table|meeting)\b"
    r"|^book (?:it|room|rome|roof|rum)$|^(?:make )?(?:booking|reservation)$"
)
_CANCEL = re.compile(r"\b(?:cancel|never mind|nevermind|forget (?:it|that|about)|stop booking|no room)\b|^(?:stop|quit)$")
_YES = re.compile(r"^(?:yes|yes it is|correct|that is (?:right|correct)|right|sure|exactly)\b|^(?:okay|fine|good|perfect|great)$")
_NO = re.compile(r"^(?:no|not|wrong|that is (?:wrong|not)|incorrect)\b")
_QUESTIONS = {
    "people": "For how many people?",
    "day": "For which day?",
    "time": "At what time?",
    "length": "For how long?",
    "place": "And in which town?",
}
_SMALL = frozenset(
    "in at on for from of and yes it is be will there us we are would make let say i think about around starting need room book "
    "will that with to by office house am want it'd next this".split()
)
_PLACES = (
    "mountain view", "san francisco", "new york", "los angeles", "hong kong", "london", "paris", "berlin", "boston", "beijing",
    "hangzhou", "shanghai", "singapore", "tokyo", "vienna", "zurich",
)  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH_NAMES = [month.lower() for month in MONTHS]


@dataclass(slots=True)
class Booking:
    """What is known of the room to be booked."""

    slots: dict[str, str] = field(default_factory=dict)
    """From `people`, `day`, `time`, `length` and `place` to the words that are said for it."""

    @property
    def wanted(self) -> str | None:
        """The slot to ask for next, or None when all are filled."""
        return next((slot for slot in _QUESTIONS if slot not in self.slots), None)

    def summary(self) -> str:
        """The whole booking in one sentence, with a question after it."""
        s = self.slots
        return f"A room in {s['place']} for {s['people']}, {s['day']} at {s['time']}, for {s['length']}. Is that right?"


def booking(turn: Turn) -> str | None:
    """Answers a line that begins, fills, confirms or ends a booking."""
    return _walk(turn)[1]


def step(state: Booking | None, said: str) -> tuple[Booking | None, str | None]:
    """One line: the booking before it and its plain words give the booking after it, and what to say (None: not about it)."""
    if _START.search(said):
        state = Booking(read_slots(said, None) or {})
        question = _QUESTIONS[state.wanted] if state.wanted else state.summary()
        return state, f"I can take that down, though only as a demonstration. {question}"
    if state is None:
        return None, None
    if _CANCEL.search(said):
        return None, "All right, no room then."
    if state.wanted is None and _YES.search(said):
        return None, "Noted. This was only a demonstration, though: no room was really booked."
    if state.wanted is None and _NO.search(said):
        return None, "Then let us drop it. Say book a room to begin again."
    found = read_slots(said, state.wanted)
    if not found:
        return state, None
    state = Booking(state.slots | found)
    return state, _QUESTIONS[state.wanted] if state.wanted else state.summary()


def stray(turn: Turn) -> str | None:
    """Answers what would be part of a booking, where none has begun."""
    if read_slots(turn.plain, None) is None:
        return None
    return "If that is about a room, say book a room first."


def open_question(turn: Turn) -> str | None:
    """What the booking in progress still asks, or None: to come back to it after a line that was not understood.

    A booking that was not spoken of for a while is not brought up again.
    """
    state = _walk(turn)[0]
    if state is None:
        return None
    question = _QUESTIONS[state.wanted] if state.wanted else state.summary()
    recent = [line for line in turn.talk.lines if line.mine][-3:]
    return question if any(line.whole.endswith(question) for line in recent) else None


def _walk(turn: Turn) -> tuple[Booking | None, str | None]:
    """The booking after the newest line, and the answer to that line."""
    state: Booking | None = None
    reply: str | None = None
    for line in turn.talk.said_by(turn.speaker)[-LONGEST_BOOKING:-1]:
        state, _ = step(state, plain(line.text))
    if turn.talk.last is not None:
        state, reply = step(state, turn.plain)
    return state, reply


def read_slots(said: str, wanted: str | None) -> dict[str, str] | None:
    """The slots that a line fills. None for a line that is about something else.

    `wanted` is the slot that was asked for: it takes a bare number, or a few unknown words as a place.
    """
    words = said.split()
    found: dict[str, str] = {}
    unknown: list[str] = []
    place = 0
    while place < len(words):
        read = _slot_at(words, place)
        if read and read[0] not in found:
            found[read[0]] = read[1]
            place = read[2]
        else:
            if words[place] not in _SMALL:
                unknown.append(words[place])
            place += 1
    if found:
        return found if len(unknown) <= 1 and not _asks(words) else None
    bare = exact_number([word for word in words if word not in ("at", "about", "around", "we", "are", "us", "it", "is")] or ["-"])
    if bare is not None and wanted in ("people", "time", "length"):
        return {wanted: _from_number(wanted, int(bare))}
    if wanted == "place" and 1 <= len(unknown) <= 3 and not _asks(words):
        return {"place": " ".join(unknown).title()}
    return None


def _asks(words: Sequence[str]) -> bool:
    return words[0] in ("what", "how", "who", "where", "when", "why", "which", "tell", "count", "say", "stop", "go", "continue", "no")


def _slot_at(words: Sequence[str], place: int) -> tuple[str, str, int] | None:
    return (
        _people_at(words, place) or _length_at(words, place) or _day_at(words, place) or _time_at(words, place)
        or _place_at(words, place)
    )  # fmt: skip


def _people_at(words: Sequence[str], place: int) -> tuple[str, str, int] | None:
    if words[place] in ("just", "only", "me", "myself", "alone") and set(words[place:]) <= {"just", "only", "me", "myself", "alone"}:
        return "people", "one person", len(words)
    read = number_at(words, place, loose=True)
    if read and read[1] < len(words) and words[read[1]] in ("people", "person", "persons", "guests", "of", "peoples"):
        return "people", _from_number("people", int(read[0])), read[1] + 1
    return None


def _length_at(words: Sequence[str], place: int) -> tuple[str, str, int] | None:
    two = list(words[place : place + 2])
    if two[:1] in (["half"], ["have"], ["quarter"]) and len(words) > place + 1:
        end = place + 3 if two[1] == "of" else place + 2
        if words[end - 1] in ("hour", "our", "hours"):
            return "length", "a quarter of an hour" if two[0] == "quarter" else "half an hour", end
    if words[place] == "hour":
        if list(words[place + 1 : place + 3]) == ["and", "half"]:
            return "length", "an hour and a half", place + 3
        return "length", "an hour", place + 1
    read = number_at(words, place, loose=True)
    if not read or read[1] >= len(words):
        return None
    unit = words[read[1]]
    if unit in ("hour", "hours", "minute", "minutes"):
        value = int(read[0])
        return "length", f"{say(value)} {unit.rstrip('s')}{'' if value == 1 else 's'}", read[1] + 1
    return None


def _day_at(words: Sequence[str], place: int) -> tuple[str, str, int] | None:
    word = words[place]
    if word in ("today", "tomorrow", "tonight"):
        return "day", word, place + 1
    if list(words[place : place + 3]) == ["day", "after", "tomorrow"]:
        return "day", "the day after tomorrow", place + 3
    if word in _DAYS:
        return "day", f"on {word.capitalize()}", place + 1
    if word in _MONTH_NAMES:
        day = _day_number(words, place + 1)
        return ("day", f"on the {ordinal(day[0])} of {word.capitalize()}", day[1]) if day else None
    day = _day_number(words, place)
    if day:
        end = day[1] + (words[day[1] : day[1] + 1] == ["of"])
        if end < len(words) and words[end] in _MONTH_NAMES:
            return "day", f"on the {ordinal(day[0])} of {words[end].capitalize()}", end + 1
    return None


def _day_number(words: Sequence[str], place: int) -> tuple[int, int] | None:
    """A day of a month, as an ordinal or a plain number, and the place after it."""
    if place >= len(words):
        return None
    if words[place] in ORDINALS:
        return max(1, ORDINALS[words[place]]), place + 1
    if words[place] in ("twenty", "thirty") and place + 1 < len(words) and 0 < ORDINALS.get(words[place + 1], 0) < 10:
        return (20 if words[place] == "twenty" else 30) + ORDINALS[words[place + 1]], place + 2
    read = number_at(words, place)
    return (int(read[0]), read[1]) if read and 1 <= read[0] <= 31 else None


def _time_at(words: Sequence[str], place: int) -> tuple[str, str, int] | None:
    word = words[place]
    if word in ("noon", "midday", "midnight"):
        return "time", "midnight" if word == "midnight" else "noon", place + 1
    for start, minutes in (("half past", 30), ("quarter past", 15), ("quarter to", -15)):
        if list(words[place : place + 2]) == start.split():
            read = number_at(words, place + 2, loose=True)
            if read and 1 <= read[0] <= 12:
                return "time", _time_said(int(read[0]) * 60 + minutes, words, read[1])[0], _time_said(0, words, read[1])[1]
    read = number_at(words, place, loose=word not in ("to", "for", "too"))
    following = number_at(words, place + 1)
    if read is None and following and following[0] >= 10:  # "to thirty" is half past two, "for two" is not
        read = number_at(words, place, loose=True)
    if read is None or not 0 <= read[0] <= 24:
        return None
    hour, end = int(read[0]), read[1]
    minute = number_at(words, end)
    if minute and 10 <= minute[0] < 60 and minute[0] == int(minute[0]):
        time, end = _time_said(hour * 60 + int(minute[0]), words, minute[1])
        return "time", time, end
    marked = (place and words[place - 1] == "at") or list(words[end : end + 1]) in (["am"], ["pm"], ["o"], ["oclock"], ["o'clock"])
    if not marked:
        return None
    time, end = _time_said(hour * 60, words, end)
    return "time", time, end


def _time_said(minutes: int, words: Sequence[str], place: int) -> tuple[str, int]:
    """Words for a time; `am`, `pm`, `o'clock` and parts of the day at `place` are taken in. A bare hour is taken for office hours."""
    while list(words[place : place + 1]) in (["o"], ["clock"], ["o'clock"], ["oclock"]):
        place += 1
    after = " ".join(words[place : place + 2])
    part = "pm" if re.match(r"pm|in afternoon|in evening", after) else "am" if re.match(r"am|in morning", after) else ""
    if part:
        place += 1 if after[:2] in ("pm", "am") else 2
    hour, minute = divmod(minutes, 60)
    if hour < 12 and (part == "pm" or (not part and hour < 8)):
        hour += 12
    return spoken_time(hour % 24 if not (part == "am" and hour == 12) else 0, minute), place


def _place_at(words: Sequence[str], place: int) -> tuple[str, str, int] | None:
    for name in _PLACES:
        length = len(name.split())
        if " ".join(words[place : place + length]) == name:
            return "place", name.title(), place + length
    return None


def _from_number(slot: str, value: int) -> str:
    if slot == "people":
        return "one person" if value == 1 else f"{say(value)} people"
    if slot == "length":
        return f"{say(value)} minutes" if value > 12 else "an hour" if value == 1 else f"{say(value)} hours"
    return _time_said(value % 24 * 60, (), 0)[0]


