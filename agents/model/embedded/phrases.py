"""What callers may say to the embedded model, written out. The offline recogniser listens for these."""

from functools import cache
from itertools import chain

from .conversation import NAMES
from .numbers import say

_PLAIN = """
hello|hello there|hi|good morning|good evening|hey|are you there|hello are you there|can you hear me
what is your name|who are you|are you a robot|are you a human|what can you do|help|how are you|i am fine
what is my name|do you remember my name|what do you know about me|who else is in the room|who is here
what time is it|what is the time|tell me the time|what day is it today|what is the date today|what day is tomorrow
what are the days of the week|how many days until christmas|what year is it
tell me a story|tell me another story|tell me a long story|tell me a joke|tell me another one
count to ten|count to twenty|count to fifty|count to thirty|count to one hundred|count from five to fifteen
count from ten to twenty|count down from ten|count down from twenty|count from one to ten
go on|please go on|continue|please continue|carry on|keep going|how far did you get|where did you stop
what was the last number|stop|stop please|wait|wait a minute|hold on|be quiet|that is enough
say that again|repeat that|repeat the last sentence|what did you say|pardon|what did i say|repeat after me good morning
my favourite colour is blue|my favourite colour is red|my favourite colour is green|what is my favourite colour
my favourite food is pizza|what is my favourite food|my dog is called max|i live in london|i live in new york|where do i live
i like music|what do i like|remember that i have a meeting tomorrow
spell hello|spell elephant|how do you spell bridge|roll a die|roll two dice|flip a coin|pick a number
yes|no|yes please|no thank you|thank you|thanks|thank you very much|goodbye|bye|see you later
how old is the brooklyn bridge|how old is the eiffel tower|what is the capital of france|how far is the moon
what is the weather like|what's the weather like|what's the weather like today
book a room|i want to book a room|two people|three people|four people|for two people|today|tomorrow|on friday|on monday
two thirty p m|three p m|ten a m|at three o'clock|half an hour|an hour|one hour|two hours|mountain view|never mind
that is right|what is half of ten|what is the square root of nine|what is ten percent of fifty
"""
_SUMS = (
    (12, "times", 7), (25, "plus", 3), (10, "divided by", 2), (20, "minus", 8), (6, "times", 9), (15, "plus", 14),
    (100, "divided by", 4), (50, "minus", 13), (2, "plus", 2), (3, "times", 5), (11, "times", 11), (18, "plus", 16),
    (30, "minus", 17), (40, "plus", 60), (70, "minus", 19), (80, "divided by", 8), (90, "plus", 1), (8, "times", 4),
)  # fmt: skip


@cache
def phrases() -> tuple[str, ...]:
    """Whole phrases, lower case, numbers in words, no punctuation but apostrophes."""
    plain = (phrase for line in _PLAIN.strip().splitlines() for phrase in line.split("|"))
    names = (f"my name is {name.lower()}" for name in NAMES[::2])
    sums = (f"what is {_words(left)} {sign} {_words(right)}" for left, sign, right in _SUMS)
    return tuple(dict.fromkeys(chain(plain, names, sums)))


@cache
def vocabulary() -> tuple[str, ...]:
    """Names and number words that the phrases do not all hold."""
    numbers = {word for number in chain(range(21), range(30, 101, 10)) for word in _words(number).split()}
    return tuple(sorted(name.lower() for name in NAMES)) + tuple(sorted(numbers))


def _words(number: int) -> str:
    return say(number).replace("-", " ")
