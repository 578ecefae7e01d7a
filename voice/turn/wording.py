"""How finished the words of a turn look, by rules: what an open sentence ends in, English and Chinese.

Quick enough to be asked about every partial. A rule that fires answers with one of the likelihoods below; the first one that
fires decides. Numbers and addresses have their own module, `dictation.py`.
"""

import re

from . import dictation
from .words import is_filler, words_of

SURE, CLOSED, LIKELY, EVEN, DOUBTFUL, OPEN, SURELY_OPEN = 0.9, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1
"""Likelihoods that the turn is complete. EVEN is below the default threshold: words that may go on, for the sound to decide."""

_OPEN_ENDINGS = frozenset(
    """a an the this these those my your his her its our their some any every each another
    and or but because so if when while although though unless until since than that which who whose whom where as
    of to in on at by for from with without about into onto over under between through during before after against like
    is are was were am be been being do does did has have had will would can could shall should may might must
    i'm you're he's she's it's we're they're i'll you'll we'll i've you've we've i'd you'd
    i you he we they please um uh er erm hmm well also then just very really too more most not no-one
    let's let want need going gonna wanna almost quite rather nearly always never even only either neither both whether
    how's what's where's who's that's there's""".split()
)
"""English words that a finished sentence seldom ends in: determiners, conjunctions, prepositions, auxiliaries, fillers, adverbs that
stand before a verb."""

_CLOSED_ANYWAY = re.compile(
    r"\b(?:how are you|who are you|where are you|what are you|are you there|thank you|see you|after you|i am|i do|i did|i have"
    r"|i will|i can|i would|yes please|please do|what for|where to|who with|what about you|and you|how about you|so do i|me too"
    r"|what is that|who is that|what's that|like that|think so|hope so|what is this|very well|as well|not really|some more|no more"
    r"|once more|go on|carry on|hold on|come in|log in|turn it on|turn it off|what you can do|what can you do|whatever you want"
    r"|for you|with you|to you|about you|i want to|(?:is|was|what'?s|look|looks|looked|sound|sounds|feel|feels|be) [a-z ]*like"
    r"|help you|do you|can you do|to do|i said so|me neither|you too"
    r"|(?:yes|no|that's what|where|how|what|who) (?:it is|they are|we are|he is|she is|you are))$"
)
_OPEN_PHRASES = re.compile(
    r"\b(?:my name is|i would like|i'd like|i want|i need|can you|could you|would you|tell me|give me|my number is|my email is"
    r"|my address is|the number is|there is|there are|what is|who is|how much is|what about|how about|plus|minus|times"
    r"|divided by|multiplied by|count to|count from|spell|repeat after me|remember that"
    r"|you know|i mean|sort of|kind of|for example|such as|in order|at least|more than|less than|instead of|because of|the thing is"
    r"|let me see|let me think|by the way|(?:and|but|or|so|well) (?:i think|i guess|maybe|then)"
    r"|(?:to|please|can you|could you|i) (?:take|make|put|give|bring|buy|find|send|set|use|add|get|book|reserve|schedule|remind))$"
)
_GREETING = re.compile(r"(?:hello|hi|hey|good (?:morning|afternoon|evening)|excuse me|sorry|okay|ok|well|right)(?: there)?")
_CLAUSE_FIRST = re.compile(
    r"(?:(?:and|so|but|well|um|uh) )*(?:if|unless|although|though|while|as soon as|once|"
    r"(?:when|before|after|since|until|because) (?:i|you|he|she|it|we|they|the|my|your|a|there))\b"
)
_DETERMINERS = frozenset("a an the this that these those my your his her its our their some any every each another".split())
_ADJECTIVES = frozenset(
    """small big large little great long short high low tall thin thick fat wide narrow deep old new young good bad better best
    worse worst nice fine happy sad hot cold warm cool wet dry dark light heavy fast slow quick early late easy hard simple full
    empty open cheap expensive free busy quiet loud clean dirty strong weak rich poor real true false whole main only same other
    different next last first second third red blue green yellow black white brown grey gray pink orange purple very own few
    several many fellow""".split()
)
"""Common adjectives: after a determiner and with nothing behind them they wait for their noun."""
_SUBJECTS = frozenset("i you he she it we they i'm you're he's she's it's we're they're i'll you'll we'll i'd you'd".split())
_FINITE = frozenset(
    """is are was were am be do does did has have had will would can could shall should may might must isn't aren't wasn't don't
    doesn't didn't can't couldn't won't wouldn't i'm you're he's she's it's we're they're i'll you'll we'll i've you've we've that's
    what's who's where's how's there's let's go goes went say says said get gets got make makes made know knows think thinks
    want wants need needs like likes see saw come comes came take takes took tell tells told work works""".split()
)
_CHINESE_OPEN = tuple(
    """和 跟 或 或者 但 但是 可是 不过 因为 所以 然后 如果 要是 虽然 而且 并且 还有 就是 那个 这个 的话 的时候
    我想 我要 我觉得 请 请问 从 到 把 被 给 在 是 有 对 比 向 比如 比如说 例如
    我叫 我的名字是 电话是 号码是 邮箱是 地址是 的 地 呃 嗯 额 啊这 一个 一些 不 很 非常 最
    能不能 可不可以 帮我 给我 告诉我 首先 其实 以及 加 减 乘 乘以 除以""".split()
)
_CHINESE_CLAUSE = re.compile(r"^(?:如果|要是|假如|虽然|因为|由于|既然|除非|当)(?!.*(?:就|那么|但|所以|都|会|的话我|[，,]))")
_CHINESE_CLOSED = re.compile(
    r"(?:可以了|不是|好的|是的|对的|对不对|是不是|有没有|在不在"
    r"|你呢|就是这个|就这个|要这个|要那个|不对|没有|谢谢)$"
)
_GREETING_CHINESE = ("你好", "您好", "喂", "早上好", "嗨", "喂你好", "你好啊", "不好意思")
_OPEN_MARKS = (",", "，", "、", ":", "：", ";", "；", "-", "–", "—", "…", "...")


def completeness(text: str) -> float:
    """How likely the words are a whole turn, from 0 to 1. Empty text and fillers alone are never one."""
    words = words_of(text)
    if not words or is_filler(text):
        return 0.0
    ending = text.rstrip()
    if ending.endswith(("?", "？", "!", "！")):
        return SURE
    if ending.endswith(_OPEN_MARKS):
        return SURELY_OPEN
    judged = _chinese(ending.rstrip(".。 ")) if words[-1][-1] >= "一" else _english(words)
    # a full stop says little where the words are open: recognisers set one after every final
    return SURE if judged >= CLOSED and ending.endswith((".", "。")) else judged


def _english(words: list[str]) -> float:
    lowered = " ".join(words)
    dictated = dictation.completeness(words)
    if dictated is not None:
        return dictated
    if _GREETING.fullmatch(lowered):
        return EVEN
    if _CLOSED_ANYWAY.search(lowered):
        return CLOSED
    if _OPEN_PHRASES.search(lowered) or words[-1] in _OPEN_ENDINGS:
        return SURELY_OPEN
    if len(words) > 1 and words[-2] in _DETERMINERS and words[-1] in _ADJECTIVES:
        return OPEN
    if _CLAUSE_FIRST.match(lowered) and sum(word in _SUBJECTS for word in words) < 2:
        return DOUBTFUL
    return _fragment(words)


def _fragment(words: list[str]) -> float:
    """A question word or a preposition that has found no verb yet wants one, unless it is an answer."""
    if any(word in _FINITE for word in words):
        return CLOSED
    first = words[0]
    if first in ("how", "what", "which", "whose") and len(words) < 5:
        return DOUBTFUL if len(words) > 1 else EVEN
    if first in ("and", "but", "so", "or", "because"):
        return EVEN
    return LIKELY if first in _DETERMINERS or first in ("at", "in", "on", "with", "from", "for", "of") else CLOSED


def _chinese(text: str) -> float:
    dictated = dictation.chinese_completeness(text)
    if dictated is not None:
        return dictated
    if text in _GREETING_CHINESE:
        return EVEN
    if _CHINESE_CLOSED.search(text):
        return CLOSED
    if text.endswith(_CHINESE_OPEN):
        return OPEN
    return DOUBTFUL if _CHINESE_CLAUSE.match(text) else CLOSED
