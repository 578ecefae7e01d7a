"""The time, the date and the days."""

import re
from datetime import date, timedelta

from .conversation import Turn
from .numbers import ordinal, say

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
"""The months in order."""


def time_and_date(turn: Turn) -> str | None:
    """Answers questions after the time, the day, the date, the month, the year and the days of the week."""
    said = turn.plain
    if re.search(r"\b(?:what|which|tell me|have you got|got)\b.*\btime\b|^time( is it| now)?$|\btime is it\b|\bwhat o clock\b", said):
        if re.search(r"\b(?:your|next|first|last|meeting)\b", said):
            return None
        return f"It is {spoken_time(turn.now.hour, turn.now.minute)}."
    today = turn.now.date()
    if re.search(r"\bdays (?:of|in) (?:week|weeks)\b|\bweekdays\b", said):
        return f"The days of the week are {', '.join(_DAYS[:-1])} and {_DAYS[-1]}."
    if re.search(r"\bmonths (?:of|in) (?:year|years)\b", said):
        return f"The months are {', '.join(MONTHS[:-1])} and {MONTHS[-1]}."
    until = re.search(r"\bhow (?:many days|long)(?: is it)? (?:until|to|before) (\w+)", said)
    if until:
        return _days_until(until[1], today)
    for word, days in (("day after tomorrow", 2), ("day before yesterday", -2), ("tomorrow", 1), ("yesterday", -1)):
        if re.search(rf"\b(?:what|which|tell me)\b.*\b{word}\b", said):
            day = today + timedelta(days=days)
            return f"{word.capitalize()} {'is' if days > 0 else 'was'} {_DAYS[day.weekday()]}, {spoken_date(day)}."
    if re.search(r"\b(?:what|which) year\b", said):
        return f"It is {spoken_year(today.year)}."
    if re.search(r"\b(?:what|which) month\b", said):
        return f"It is {MONTHS[today.month - 1]}."
    if re.search(r"\b(?:what|which|tell me)\b.*\b(?:date|day)\b|\btoday s? ?date\b|\bday is (?:it|today)\b|^date( today)?$", said):
        if re.search(r"\b(?:my|your|birthday|rent)\b", said):
            return None
        return f"Today is {_DAYS[today.weekday()]}, {spoken_date(today)}, {spoken_year(today.year)}."
    return None


def spoken_time(hour: int, minute: int) -> str:
    """A time of day in words: `three twenty-five in the afternoon`."""
    if (hour, minute) in ((0, 0), (12, 0)):
        return "midnight" if hour == 0 else "noon"
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening" if hour < 22 else "at night"
    if hour < 5:
        part = "at night"
    hours = say(hour % 12 or 12)
    if minute == 0:
        return f"{hours} o'clock {part}"
    return f"{hours} {'oh ' if minute < 10 else ''}{say(minute)} {part}"


def spoken_date(day: date) -> str:
    """A day of the year in words: `the twenty-fourth of May`."""
    return f"the {ordinal(day.day)} of {MONTHS[day.month - 1]}"


def spoken_year(year: int) -> str:
    """A year in words: `nineteen eighty-four`, `two thousand and five`, `twenty twenty-six`."""
    century, rest = divmod(year, 100)
    if year < 1000 or 2000 <= year < 2010 or year > 9999:
        return say(year)
    if rest == 0:
        return f"{say(century)} hundred"
    return f"{say(century)} {'oh ' if rest < 10 else ''}{say(rest)}"


def _days_until(name: str, today: date) -> str | None:
    weekdays = [day.lower() for day in _DAYS]
    if name in weekdays:
        days = (weekdays.index(name) - today.weekday()) % 7
        what = name.capitalize()
    elif name in ("christmas", "weekend"):
        if name == "christmas":
            day = date(today.year, 12, 25)
            days = ((day if day >= today else day.replace(year=today.year + 1)) - today).days
        else:
            days = max(0, 5 - today.weekday())
        what = "Christmas" if name == "christmas" else "the weekend"
    else:
        return None
    if days == 0:
        return f"It is {what} today." if what != "the weekend" else "It is the weekend now."
    return f"It is {say(days)} {'day' if days == 1 else 'days'} until {what}."
