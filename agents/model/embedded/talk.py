"""Talk about the talk: who is here, what was said, how far it got, what to go on with, and what was not understood."""

from .conversation import Turn
from .numbers import exact_number
from .words import pattern

_HOW_FAR = pattern(
    r"\bhow far (?:did|had|have|were|are) (?:you|we)\b",
    r"\bwhere (?:did you (?:stop|get|got|end)|were you|were we|was i|are we|did we stop)\b",
    r"\b(?:what|which) was (?:the )?last (?:number|word|thing|words|sentence)\b",
    r"\bwhich number did you\b", r"\bwhat did i hear\b",
)  # fmt: skip
_GO_ON = pattern(
    r"^(?:yes )?(?:go on|continue|carry on|keep going|go ahead|proceed|resume|and then|what happened next|gone|gore on)"
    r"(?: (?:with )?(?:story|counting|talking|now|it|reading|from there|from where you (?:stopped|were)))?$"
)
_STOP = pattern(
    r"^(?:stop|stopped|stop (?:it|that|talking|counting)|enough|be quiet|quiet|shut up|silence|that is enough)\b"
)
_WAIT = pattern(
    r"^(?:wait|hold on|one moment|one second|hang on|give me (?:one )?(?:second|moment|minute)|pause)\b"
)
_WHAT_I_SAID = pattern(
    r"\bwhat did i (?:just )?(?:say|said|tell you|ask)\b", r"\brepeat what i said\b", r"\bmy last (?:sentence|question|words)\b"
)
_WHAT_THEY_SAID = pattern(r"\bwhat (?:did|has|does) (?!you\b|he\b|she\b|they\b|i\b)(?P<who>\w+) (?:just )?(?:say|said|tell)\b")
_AGAIN = pattern(
    r"\b(?:say|repeat|tell me|do) (?:it|that|this|that one|what you said)?(?: \w+)?\s?(?:again|once more|one more time)\b",
    r"^(?:again|once more|repeat|pardon|sorry what|what|come again)$",
    r"^repeat (?:last sentence|yourself|what you said)$", r"\brepeat (?:it|that)\b",
    r"\bwhat did you (?:just )?(?:say|said|tell me)\b", r"\bi did not (?:hear|catch|understand) (?:that|you|it)\b",
    r"\bi beg your pardon\b",
)  # fmt: skip
_COMPANY = pattern(
    r"\bwho (?:else )?(?:is|are) (?:else )?(?:in|here|there|with us|around|present|on line|on call|listening)\b", r"\bwho else\b",
    r"\bhow many (?:people|of us) (?:are|is)\b", r"\bare we alone\b", r"\bis (?:anybody|anyone|somebody|someone) else\b",
)  # fmt: skip


def how_far(turn: Turn) -> str | None:
    """Says where the newest interrupted reply was cut, to the word."""
    if not _HOW_FAR.search(turn.plain):
        return None
    cut = turn.talk.interrupted()
    if cut is None:
        return "I had finished. Nothing was cut off." if turn.talk.last_of_mine else "I had not begun anything yet."
    if not cut.text.strip():
        return "You had not heard anything of it yet."
    number = last_number(cut.text)
    if number:
        return f"I got to {number}. Say go on, and I will continue from there."
    heard = cut.text.strip().rstrip(",;:.!?").split()
    return f"The last words that you heard were: {' '.join(heard[-8:])}. Say go on, and I will continue from there."


def last_number(counted: str) -> str | None:
    """The last number of a reply that is a count, as it was spoken; None for any other reply."""
    pieces = [piece.strip(" .").lower() for piece in counted.split(",")]
    pieces = [piece for piece in pieces if piece]
    numbers = [exact_number(piece.replace("-", " ").split(), loose=False) for piece in pieces]
    return pieces[-1] if pieces and None not in numbers else None


def go_on(turn: Turn) -> str | None:
    """Takes up what was not heard. Agents of this package do that themselves; this is for those that do not."""
    if not _GO_ON.search(turn.plain):
        return None
    cut = turn.talk.interrupted()
    if cut is not None and cut.unheard and cut.unheard.strip():
        return cut.unheard.strip()
    if turn.talk.last_of_mine is None:
        return "There is nothing to go on with yet."
    return "There is nothing to go on with: I had said everything."


def stop(turn: Turn) -> str | None:
    """Gives way."""
    if _STOP.search(turn.plain):
        return "All right, I have stopped."
    return "Take your time." if _WAIT.search(turn.plain) else None


def repetition(turn: Turn) -> str | None:
    """Repeats this agent's newest line, or tells callers what they or others said."""
    if _WHAT_I_SAID.search(turn.plain):
        mine = turn.talk.said_by(turn.speaker)[:-1]
        return f"You said: {mine[-1].text}" if mine else "You have not said anything before that."
    if found := _WHAT_THEY_SAID.search(turn.plain):
        lines = [line for line in turn.talk.earlier if line.name.lower() == found["who"]]
        return f"{lines[-1].name} said: {lines[-1].text}" if lines else f"I have not heard anything from {found['who'].capitalize()}."
    if _AGAIN.search(turn.plain):
        last = turn.talk.last_of_mine
        return last.whole if last else "I have not said anything yet."
    return None


def company(turn: Turn) -> str | None:
    """Says who else has been heard in the room."""
    if not _COMPANY.search(turn.plain):
        return None
    others = turn.talk.others(turn.speaker)
    if not others:
        return "I have heard nobody here but you and me."
    listed = ", ".join(others[:-1]) + (" and " if len(others) > 1 else "") + others[-1]
    return f"Besides you and me, I have heard {listed}."


_HINTS = (
    ("ask me what time it is", "say tell me a story"),
    ("say count to twenty", "ask me what twelve times seven is"),
    ("tell me your name", "ask me what day it is today"),
    ("say flip a coin", "ask me to spell a word"),
    ("say book a room", "tell me your favourite colour"),
    ("ask how old the Brooklyn Bridge is", "say roll a die"),
)
_EXCUSES = ("I did not understand that.", "I am afraid that is beyond my rules.", "Sorry, I did not get that.")


def is_excuse(answer: str) -> bool:
    """Whether an answer only admits that nothing was understood."""
    return answer.startswith(_EXCUSES)


def not_understood(turn: Turn) -> str:
    """Admits it, and names two things that would be understood; other ones each time."""
    line = turn.talk.last
    if line is not None and line.agent:
        return f"I heard you{', ' + line.name if line.name else ''}, but I am only a rule-based program, and have nothing to add."
    count = turn.count_of_mine()
    first, second = _HINTS[count % len(_HINTS)]
    return f"{_EXCUSES[count % len(_EXCUSES)]} You could {first}, or {second}."
