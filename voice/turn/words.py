"""Words that carry no claim to the floor: backchannels, and fillers beside them. English and Chinese.

A backchannel is judged by the whole of what was said: "yeah" leaves the floor where it is, "yeah but wait" does not.
"""

import re
from functools import lru_cache

_BACKCHANNELS = frozenset(
    """yeah yes yep yup ya yah ok okay k right sure alright uh-huh uhhuh mhm mm mmm mm-hm mm-hmm mhmm hmm hm huh aha ah oh wow
    cool nice great good fine true exactly totally absolutely indeed really interesting
    嗯 嗯嗯 哦 噢 喔 啊 对 对对 对对对 是 是的 是啊 好 好的 好吧 行 没错 明白 知道 知道了 哈哈 哇 这样 这样啊""".split()
)
_FILLERS = frozenset("um uh er erm uhm ehm eh the a i i'm and so hmm 呃 额 那个".split())
_CLAIMS = frozenset(
    """stop wait no nope hold hang pause quiet enough shut hey sorry excuse but actually listen what why how who where when which
    question cancel never don't not wrong
    停 停下 停一下 等 等等 等一下 不 不是 不对 不要 别 别说了 为什么 什么 怎么 谁 打住 慢""".split()
)
"""Words that ask for the floor by themselves."""
LONG_WORD = 5
"""Letters of a word that is believed by itself: two syllables mostly ("today"). Of a hum, recognisers make "two" and "you"."""

_PHRASES = (
    "i see", "got it", "of course", "makes sense", "go on", "keep going", "mm hm", "mm hmm", "uh huh", "all right", "oh really",
)
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*|[0-9]+|[一-鿿]+", re.IGNORECASE)


_REMEMBERED = 2048
"""Texts whose verdict is remembered: the machine asks again with every window while the words stay what they are."""


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; a run of Chinese characters counts as one."""
    return [word.lower() for word in _WORD.findall(text)]


@lru_cache(_REMEMBERED)
def is_backchannel(text: str) -> bool:
    """Whether a text consists of backchannels (and fillers beside them) and of nothing else. Empty text is not one."""
    lowered = " ".join(words_of(text))
    if not lowered:
        return False
    for phrase in _PHRASES:
        lowered = re.sub(rf"\b{phrase}\b", "okay", lowered)
    words = lowered.split()
    return all(word in _BACKCHANNELS or word in _FILLERS for word in words) and any(word in _BACKCHANNELS for word in words)


@lru_cache(_REMEMBERED)
def is_filler(text: str) -> bool:
    """Whether a text holds fillers only ("um", "uh"): a caller who is about to speak, or noise that was heard as words."""
    words = words_of(text)
    return bool(words) and all(word in _FILLERS for word in words)


@lru_cache(_REMEMBERED)
def claims_floor(text: str, single_words: bool = True) -> bool:
    """Whether words that were said over a reply ask for the floor.

    `single_words`: one word that is neither a backchannel nor a filler is enough; else it takes two, a long one, or one of those that
    ask by themselves.
    """
    if not words_of(text) or is_backchannel(text) or is_filler(text):
        return False
    content = [word for word in words_of(text) if word not in _BACKCHANNELS and word not in _FILLERS]
    if any(word in _CLAIMS or (word[0] >= "一" and len(word) > 1) for word in content):
        return True
    return len(content) >= (1 if single_words else 2) or any(len(word) >= LONG_WORD for word in content)


BACKCHANNELS_OVER_A_REPLY = (
    "yeah", "yeah yeah", "yes", "yes yes", "yep", "okay", "ok", "okay okay", "right", "sure", "mm hmm", "mm", "hmm", "um hmm",
    "uh huh", "aha", "i see", "oh i see", "oh really", "really", "all right", "alright", "got it", "of course", "great", "good",
    "cool", "exactly", "oh okay", "oh yeah", "yeah okay", "yeah right", "wow", "nice",
)
CLAIMS_OVER_A_REPLY = (
    "no", "no no", "no no no", "no wait", "wait", "wait wait", "wait wait wait", "wait a minute", "stop", "stop stop", "stop it",
    "stop please", "please stop", "no stop", "hold on", "hang on", "sorry", "excuse me", "hey", "but", "but wait",
    "what", "why", "um okay stop", "okay stop", "okay wait", "yeah but", "yeah but wait", "yeah but no", "actually", "enough",
    "quiet", "one moment",
)
"""What people say over a reply: a recogniser that is unsure of short words weighs the two against each other."""

OVER_A_REPLY = (
    "yeah", "yeah yeah", "yes", "yep", "okay", "ok", "right", "sure", "mm hmm", "uh huh", "i see", "oh really",
    "all right", "got it", "of course", "great", "good", "cool", "go on", "exactly", "no", "no", "no no", "no wait", "wait", "wait",
    "wait a minute", "stop", "stop", "stop it", "stop please", "hold on", "hang on", "sorry", "excuse me", "hey", "but", "but wait", "what",
    "um okay stop", "okay stop", "yeah but", "yeah but wait", "actually", "enough", "quiet", "one moment", "i have a question",
)
"""What people say over a reply: it steers recognisers that can be steered, while a reply is held."""
