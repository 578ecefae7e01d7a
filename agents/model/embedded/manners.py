"""Small talk: who this is, hellos and goodbyes, thanks, yes and no."""

from .conversation import Turn, name_in
from .stories import ANOTHER_QUESTION, next_story
from .words import pattern

NAME_QUESTION = "What is your name?"
"""Asked of a caller who says hello and whose name is not known."""

_YOUR_NAME = pattern(r"\b(?:what are you called|your name|how should i call you)\b")
_WHO = pattern(
    r"\b(?:who|what) (?:is|are) (?:this|you|speaking)\b(?! (?:doing|able|talking|saying|good))",
    r"\bwho am i (?:talking|speaking) (?:to|with)\b",
)
_KINDS = "robot|human|person|real|machine|computer|program|ai|bot|language model|alive|intelligent|gpt|gemini|siri|alexa"
_WHAT_KIND = pattern(rf"\bare you (?!there\b|still\b)(?:\w+ )?(?:{_KINDS})\b")
_MAKING = pattern(
    r"\bhow old are you\b", r"\bwho (?:made|built|wrote|created) you\b", r"\bhow do you work\b", r"\bwhere are you(?: from)?$"
)
_THERE = pattern(
    r"\bare you (?:still )?there\b", r"\b(?:can|do) you hear me\b", r"\byou there\b", r"^hear me\b", r"\b(?:is )?anybody there\b"
)
_HELLO = pattern(
    r"^(?:hello|hi|hey|hallo|hullo|yellow|greetings|welcome)\b", r"^good (?:morning|afternoon|evening|day)\b"
)
_HOW_ARE_YOU = pattern(
    r"\bhow are you\b", r"\bhow is it going\b", r"\bhow do you do\b", r"\bhow (?:have|were) you\b", r"\bhow you doing\b"
)
_FINE = pattern(r"^(?:i am |i feel |very |all |quite )*(?:fine|good|great|well|not bad|okay|very well)(?: thanks| thank you| too)?$")
_NOT_FINE = pattern(
    r"^(?:i am |i feel )(?:very |bit |so |little )*(?:sad|tired|bored|sick|ill|lonely|hungry|unhappy|angry|cold)$"
)
_THANKS = pattern(r"^(?!no ).*\b(?:thank you|thanks|thank|cheers)\b")
_BYE = pattern(
    r"^(?:good )?(?:bye|bye bye|by by|see you|good night|night|farewell|so long|talk to you later)\b", r"\bhang up\b", r"\bbye$"
)
_SORRY = pattern(r"^(?:i am )?sorry\b", r"^excuse me$", r"^my mistake\b")
_PRAISE = pattern(
    r"\b(?:well done|good job|very good|nice|great|wonderful|excellent|perfect)\b", r"\byou are (?:good|great|funny|clever|nice)\b"
)
_HELP = pattern(
    r"^help(?: me| us)?(?: out)?$", r"\bhelp me\b",
    r"\bwhat can (?:you|i)\b", r"\bwhat are you (?:able|good)\b", r"\bwhat do you (?:do|understand)\b",
    r"\bwhat should i say\b", r"\byour (?:abilities|commands)\b",
)  # fmt: skip
_YES = pattern(
    r"^(?:yes|sure|of course|okay|fine|go for it|why not|i would|that would be nice|absolutely|right|correct)\b",
    r"^that is (?:right|correct|fine|good)\b",
)
_NO = pattern(r"^(?:no|not (?:now|really)|never|rather not|i would not)\b")


def identity(turn: Turn) -> str | None:
    """Says honestly what this is."""
    said = turn.plain
    me = f"I am {turn.talk.me}, a small rule-based program" if turn.talk.me else "I am a small rule-based program"
    if _YOUR_NAME.search(said):
        return f"{me}." if turn.talk.me else f"I have no name of my own. {me}."
    if _WHO.search(said):
        return f"{me}, not a language model. I understand simple sentences, and I remember what you tell me while we talk."
    if _WHAT_KIND.search(said):
        return f"{me}, not a language model and not a person."
    if _MAKING.search(said):
        return f"{me}. I match what you say against a list of rules, on this very machine."
    return None


def ability(turn: Turn) -> str | None:
    """Names what can be asked for."""
    if not _HELP.search(turn.plain):
        return None
    return (
        "I can tell the time and the date, do sums, count, tell a story or a joke, spell a word, roll a die, "
        "remember your name and what you like, and book a room, as a demonstration only."
    )


def introduction(turn: Turn) -> str | None:
    """Greets a caller who gives a name."""
    last = turn.talk.last_of_mine
    name = name_in(turn.text, last is not None and last.whole.endswith(NAME_QUESTION))
    return f"Nice to meet you, {name}. What can I do for you?" if name else None


def presence(turn: Turn) -> str | None:
    """Answers those who wonder whether anybody listens."""
    return f"Yes, I am here{turn.addressed}. What can I do for you?" if _THERE.search(turn.plain) else None


def greeting(turn: Turn) -> str | None:
    """Says hello, by name where it is known, and asks for it where it is not."""
    if not _HELLO.search(turn.plain) or len(turn.words) > 5:
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
    if _HOW_ARE_YOU.search(said):
        return "I am a program, so I have no moods, but everything is running. How are you?"
    if _FINE.search(said):
        return "I am glad to hear that."
    if _NOT_FINE.search(said):
        return "I am sorry to hear that. I could tell you a story or a joke."
    if _THANKS.search(said):
        return f"You are welcome{turn.addressed}."
    if _BYE.search(said):
        return f"Goodbye{turn.addressed}. It was nice talking to you."
    if _SORRY.search(said):
        return "No harm done."
    if _PRAISE.search(said) and len(turn.words) < 5:
        return "Thank you."
    return None


def yes_or_no(turn: Turn) -> str | None:
    """Takes yes and no as answers to what was asked last."""
    yes = _YES.search(turn.plain) is not None
    if (not yes and not _NO.search(turn.plain)) or len(turn.words) > 5:
        return None
    last = turn.talk.last_of_mine
    asked = last.whole if last is not None else ""
    if asked.endswith(ANOTHER_QUESTION):
        return next_story(turn) if yes else "All right. What would you like instead?"
    if asked.endswith("How are you?"):
        return "I am glad to hear that." if yes else "I am sorry to hear that."
    return "Good. What would you like to do?" if yes else "All right."
