"""Small talk, and talk about the talk: who is here, what was said, how far it got, what to go on with."""

import re

from .conversation import Turn, name_in
from .numbers import exact_number
from .stories import ANOTHER_QUESTION, next_story

NAME_QUESTION = "What is your name?"
"""Asked of a caller who says hello and whose name is not known."""


def how_far(turn: Turn) -> str | None:
    """Says where the newest interrupted reply was cut, to the word."""
    if not re.search(
        r"\bhow far (?:did|had|have|were|are) (?:you|we)\b|\bwhere (?:did you (?:stop|get|got|end)|were you|were we|was i|are we|did we stop)\b"
        r"|\b(?:what|which) was (?:the )?last (?:number|word|thing|words|sentence)\b|\bwhich number did you\b|\bwhat did i hear\b",
        turn.plain,
    ):
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
    if not re.search(
        r"^(?:yes )?(?:go on|continue|carry on|keep going|go ahead|proceed|resume|and then|what happened next|go on now|gone|gore on)\b"
        r"(?: (?:with )?(?:story|counting|talking|now|it|reading|from there|from where you (?:stopped|were)))?$",
        turn.plain,
    ):
        return None
    cut = turn.talk.interrupted()
    if cut is not None and cut.unheard and cut.unheard.strip():
        return cut.unheard.strip()
    if turn.talk.last_of_mine is None:
        return "There is nothing to go on with yet."
    return "There is nothing to go on with: I had said everything."


def stop(turn: Turn) -> str | None:
    """Gives way."""
    if re.search(r"^(?:stop|stopped|stop it|stop that|stop talking|stop counting|enough|be quiet|quiet|shut up|silence|that is enough)\b", turn.plain):
        return "All right, I have stopped."
    if re.search(r"^(?:wait|wait minute|wait moment|hold on|one moment|one second|hang on|give me (?:second|moment|minute)|pause)\b", turn.plain):
        return "Take your time."
    return None


def identity(turn: Turn) -> str | None:
    """Says honestly what this is."""
    said = turn.plain
    me = f"I am {turn.talk.me}, a small rule-based program" if turn.talk.me else "I am a small rule-based program"
    if re.search(r"\b(?:what is your name|what are you called|your name|how should i call you)\b", said):
        return f"{me}." if turn.talk.me else f"I have no name of my own. {me}."
    if re.search(r"\b(?:who|what) (?:is|are) (?:this|you|speaking|am i (?:talking|speaking) (?:to|with))\b|\bwho am i (?:talking|speaking) (?:to|with)\b", said) and not re.search(
        r"\bwhat (?:are|is) you (?:doing|able)\b|\bwhat are you able\b", said
    ):
        return f"{me}, not a language model. I understand simple sentences, and I remember what you tell me while we talk."
    if re.search(r"\bare you\b.*\b(?:robot|human|person|real|machine|computer|program|ai|bot|language model|alive|intelligent|gpt|gemini|siri|alexa)\b", said) and "there" not in said:
        return f"{me}, not a language model and not a person."
    if re.search(r"\bhow old are you\b|\bwho (?:made|built|wrote|created) you\b|\bhow do you work\b|\bwhere are you(?: from)?$", said):
        return f"{me}. I match what you say against a list of rules, on this very machine."
    return None


def introduction(turn: Turn) -> str | None:
    """Greets a caller who gives a name."""
    last = turn.talk.last_of_mine
    name = name_in(turn.text, last is not None and last.text.endswith(NAME_QUESTION))
    if name is None:
        return None
    return f"Nice to meet you, {name}. What can I do for you?"


def greeting(turn: Turn) -> str | None:
    """Says hello, by name where it is known, and asks for it where it is not."""
    if re.search(r"\b(?:are you (?:still )?there|can you hear me|do you hear me|you there|^hear me|anybody there|is anybody there)\b", turn.plain):
        return f"Yes, I am here{turn.addressed}. What can I do for you?"
    if not re.search(r"^(?:hello|hi|hey|hallo|hullo|yellow|good (?:morning|afternoon|evening|day)|greetings|welcome)\b", turn.plain):
        return None
    if len(turn.words) > 5:
        return None
    return greet(turn)


def greet(turn: Turn) -> str:
    """A first greeting says who speaks; later ones are short."""
    if any(line.mine for line in turn.talk.lines):
        return f"Hello again{turn.addressed}." if turn.caller else f"Hello again. {NAME_QUESTION}"
    me = f"I am {turn.talk.me}, a small rule-based program." if turn.talk.me else "I am a small rule-based program."
    return f"Hello{turn.addressed}. {me} What can I do for you?" if turn.caller else f"Hello. {me} {NAME_QUESTION}"


def courtesy(turn: Turn) -> str | None:
    """Thanks, goodbyes, how are you, praise, apologies."""
    said = turn.plain
    if re.search(r"\bhow are you\b|\bhow is it going\b|\bhow do you do\b|\bhow (?:have|were) you\b|\bhow you doing\b", said):
        return "I am a program, so I have no moods, but everything is running. How are you?"
    if re.search(r"^(?:i am |i feel |very |all |quite )*(?:fine|good|great|well|not bad|okay|very well)(?: thanks| thank you| too)?$", said):
        return "I am glad to hear that."
    if re.search(r"^(?:i am |i feel )(?:very |bit |so |little )*(?:sad|tired|bored|sick|ill|lonely|hungry|unhappy|angry|cold)$", said):
        return "I am sorry to hear that. I could tell you a story or a joke."
    if re.search(r"\b(?:thank you|thanks|thank|cheers)\b", said) and not said.startswith("no "):
        return f"You are welcome{turn.addressed}."
    if re.search(r"^(?:good )?(?:bye|bye bye|by by|see you|good night|farewell|so long|talk to you later)\b|\bhang up\b|\b(?:good )?bye$", said):
        return f"Goodbye{turn.addressed}. It was nice talking to you."
    if re.search(r"^(?:i am )?sorry\b|^excuse me$|^my mistake\b", said):
        return "No harm done."
    if re.search(r"\b(?:well done|good job|very good|nice|great|wonderful|excellent|perfect|you are (?:good|great|funny|clever|nice))\b", said) and len(said.split()) < 5:
        return "Thank you."
    return None


def ability(turn: Turn) -> str | None:
    """Names what can be asked for."""
    if re.search(r"^help\b|\bwhat can (?:you|i)\b|\bhelp me\b|\bwhat (?:are|is) you(?:r)? (?:able|good|abilities|commands)\b|\bwhat do you (?:do|understand)\b|\bwhat should i say\b", turn.plain):
        return (
            "I can tell the time and the date, do sums, count, tell a story or a joke, spell a word, roll a die, "
            "remember your name and what you like, and book a room, as a demonstration only."
        )
    return None


def repetition(turn: Turn) -> str | None:
    """Repeats this agent's newest line, or tells callers what they or others said."""
    said = turn.plain
    last = turn.talk.last_of_mine
    if re.search(r"\bwhat did i (?:just )?(?:say|said|tell you|ask)\b|\brepeat what i said\b|\bmy last (?:sentence|question|words)\b", said):
        mine = turn.talk.said_by(turn.speaker)[:-1]
        return f"You said: {mine[-1].text}" if mine else "You have not said anything before that."
    found = re.search(r"\bwhat (?:did|has|does) (\w+) (?:just )?(?:say|said|tell)\b", said)
    if found and found[1] not in ("you", "he", "she", "they", "i"):
        lines = [line for line in turn.talk.earlier if line.name.lower() == found[1]]
        return f"{lines[-1].name} said: {lines[-1].text}" if lines else f"I have not heard anything from {found[1].capitalize()}."
    if re.search(
        r"\b(?:say|repeat|tell me|do) (?:it|that|this|that one|what you said)?(?: \w+)?\s?(?:again|once more|one more time)\b|^(?:again|once more|repeat|pardon|sorry what|what|come again|repeat (?:that|it|last sentence|yourself|what you said))$"
        r"|\bwhat did you (?:just )?(?:say|said|tell me)\b|\bi did not (?:hear|catch|understand) (?:that|you|it)\b|\bi beg your pardon\b|\brepeat (?:it|that)\b",
        said,
    ):
        return last.whole if last else "I have not said anything yet."
    return None


def company(turn: Turn) -> str | None:
    """Says who else has been heard in the room."""
    if not re.search(
        r"\bwho (?:else )?(?:is|are) (?:else )?(?:in|here|there|with us|around|present|on line|on call|listening)\b|\bwho is here\b|\bwho else\b|\bhow many (?:people|of us) (?:are|is)\b|\bare we alone\b|\bis (?:anybody|anyone|somebody|someone) else\b",
        turn.plain,
    ):
        return None
    others = turn.talk.others(turn.speaker)
    if not others:
        return "I have heard nobody here but you and me."
    listed = ", ".join(others[:-1]) + (" and " if len(others) > 1 else "") + others[-1]
    return f"Besides you and me, I have heard {listed}."


def yes_or_no(turn: Turn) -> str | None:
    """Takes yes and no as answers to what was asked last."""
    said = turn.plain
    yes = re.search(r"^(?:yes|sure|of course|okay|fine|go for it|why not|i would|that would be nice|absolutely|right|correct|that is (?:right|correct|fine|good))\b", said)
    no = re.search(r"^(?:no|not (?:now|really)|never|rather not|i would not)\b", said)
    if (not yes and not no) or len(turn.words) > 5:
        return None
    last = turn.talk.last_of_mine
    if last is not None and last.whole.endswith(ANOTHER_QUESTION):
        return next_story(turn) if yes else "All right. What would you like instead?"
    if last is not None and last.whole.endswith("How are you?"):
        return "I am glad to hear that." if yes else "I am sorry to hear that."
    return "Good. What would you like to do?" if yes else "All right."


_HINTS = (
    ("ask me what time it is", "say tell me a story"),
    ("say count to twenty", "ask me what twelve times seven is"),
    ("tell me your name", "ask me what day it is today"),
    ("say flip a coin", "ask me to spell a word"),
    ("say book a room", "tell me your favourite colour"),
    ("ask how old the Brooklyn Bridge is", "say roll a die"),
)
_EXCUSES = ("I did not understand that.", "I am afraid that is beyond my rules.", "Sorry, I did not get that.")


def not_understood(turn: Turn) -> str:
    """Admits it, and names two things that would be understood; other ones each time."""
    line = turn.talk.last
    if line is not None and line.agent:
        return f"I heard you{', ' + line.name if line.name else ''}, but I am only a small rule-based program, and have nothing to add."
    count = turn.count_of_mine()
    first, second = _HINTS[count % len(_HINTS)]
    return f"{_EXCUSES[count % len(_EXCUSES)]} You could {first}, or {second}."
