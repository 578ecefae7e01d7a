"""Words that carry no claim to the floor: backchannels, and fillers beside them. English and Chinese.

A backchannel is judged by the whole of what was said: "yeah" leaves the floor where it is, "yeah but wait" does not.
"""

import re
from functools import lru_cache

_BACKCHANNELS = frozenset(
    """yeah yes yep yup ya yah ok okay k right sure alright uh-huh uhhuh mhm mm mmm mm-hm mm-hmm mhmm hmm hm hum huh aha ah oh wow
    cool nice great good fine perfect true exactly totally absolutely indeed really interesting
    嗯 嗯嗯 哦 噢 喔 啊 对 对对 对对对 是 是的 是啊 好 好的 好吧 行 没错 明白 知道 知道了 哈哈 哇 这样 这样啊""".split()
)
_FILLERS = frozenset("um uh er erm uhm ehm eh the a i i'm and so hmm 呃 额 那个".split())
_PHRASES = (
    "i see", "got it", "of course", "makes sense", "go on", "keep going", "mm hm", "mm hmm", "uh huh", "all right", "oh really",
    "that's right", "very good", "sounds good",
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
def claims_floor(text: str) -> bool:
    """Whether words that were said over a reply ask for the floor: all do but backchannels and fillers."""
    return bool(words_of(text)) and not is_backchannel(text) and not is_filler(text)


BACKCHANNELS_OVER_A_REPLY = (
    "yeah", "yeah yeah", "yeah yeah yeah", "yes", "yes yes", "yes yes yes", "yep", "yup", "okay", "ok", "okay okay", "right",
    "right right", "sure", "sure sure", "mm hmm", "mm", "hmm", "um hmm", "um hum", "hum", "uh huh", "uh huh yeah", "aha", "i see",
    "oh i see", "oh really", "really", "all right", "alright", "that's right", "got it", "of course", "great", "good", "very good",
    "cool", "fine", "perfect", "exactly", "absolutely", "indeed", "true", "interesting", "makes sense", "oh", "oh okay", "oh yeah",
    "oh good", "oh nice", "oh wow", "yeah okay", "yeah right", "yeah sure", "okay right", "okay sure", "okay yeah", "okay good",
    "wow", "nice",
)
CLAIMS_OVER_A_REPLY = (
    "no", "no no", "no no no", "no wait", "no no wait", "nope", "wait", "wait wait", "wait wait wait", "wait a minute",
    "wait a second", "hey wait", "stop", "stop stop", "stop it", "stop please", "please stop", "no stop", "hold on", "hold it",
    "hang on", "sorry", "excuse me", "hey", "but", "but wait", "what", "why", "how", "who", "um okay stop", "okay stop", "okay wait",
    "okay but", "yes but", "right but", "yeah but", "yeah but wait", "yeah but no", "actually", "enough", "quiet", "listen",
    "never mind", "not now", "one moment", "shut up", "pause", "i have a question",
)
"""What people say over a reply: a recogniser that is unsure of short words weighs the two against each other."""

OVER_A_REPLY = (
    "yeah", "yeah yeah", "yes", "yep", "okay", "ok", "right", "sure", "mm hmm", "uh huh", "i see", "oh really",
    "all right", "got it", "of course", "great", "good", "cool", "go on", "exactly", "no", "no", "no no", "no wait", "wait", "wait",
    "wait a minute", "stop", "stop", "stop it", "stop please", "hold on", "hang on", "sorry", "excuse me", "hey", "but", "but wait", "what",
    "um okay stop", "okay stop", "yeah but", "yeah but wait", "actually", "enough", "quiet", "one moment", "i have a question",
)
"""What people say over a reply: it steers recognisers that can be steered, while a reply is held."""
