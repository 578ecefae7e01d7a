"""What was heard of a reply, and going on from there. Plain functions on messages."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..message import Block, DataBlock, HintBlock, Msg, TextBlock, now_iso

_GO_ON = frozenset(
    """go on|please go on|go on please|go ahead|do go on|continue|please continue|continue please|can you continue|
    could you continue|you can continue|you may continue|carry on|please carry on|carry on please|keep going|
    please keep going|keep going please|keep talking|go on then|and then|resume|please resume|where were we|
    where were you|finish what you were saying|what were you saying|you were saying|sorry go on|sorry go ahead|
    sorry continue|sorry please continue|sorry please go on|ok go on|okay go on|ok continue|okay continue|
    ok please continue|okay please continue|yes go on|yes continue|yes please continue|no go on|no continue|
    no please go on|no please continue|now go on|now continue|now please continue|and go on|
    继续|请继续|继续吧|继续说|接着说|请接着说|接着讲|继续讲|你继续|你继续说|说下去|往下说|请说下去|好继续|好的继续|
    好的请继续|接着|接着来|你接着说""".replace("\n", "").replace("    ", "").split("|")
)
"""What a caller says who wants an interrupted reply to go on: the whole turn, without punctuation."""

PLACE_KEPT = 64
"""For how many messages an interrupted reply can be taken up again; nobody means an older one by "go on"."""

_PIECE = re.compile(r"\s*(?:[\u3000-\u9fff\uff00-\uffef]{1,4}|[^\s\u3000-\u9fff\uff00-\uffef]+)|\s+")

RESUME_TOOL = "resume_speaking"
RESUME_SCHEMA: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": RESUME_TOOL,
        "description": (
            "Go on with your last answer that was interrupted, from the exact word where it was cut. Use it when the person "
            "wants to hear the rest. The rest is spoken as it was; say nothing else."
        ),
        "parameters": {"type": "object", "properties": {}},
    },
}
"""The tool by which a model goes on with its interrupted answer; offered while there is one."""


def wants_more(messages: Sequence[Msg]) -> bool:
    """Whether somebody asks, in so many words, to go on with what was interrupted."""
    if not messages:
        return False
    text = re.sub(r"[^\w\s]|_", " ", messages[-1].get_text_content().lower())
    return " ".join(text.split()) in _GO_ON


def unfinished(messages: Sequence[Msg], name: str) -> Msg | None:
    """The newest interrupted message of the agent `name`, where it has words that were not heard and not said since.

    Only the last `PLACE_KEPT` messages are looked through: this is asked before every model call.
    """
    for msg in reversed(messages[-PLACE_KEPT:]):
        if msg.role == "assistant" and msg.name == name and isinstance(cut := msg.metadata.get("interrupted"), dict):
            return msg if cut.get("unheard") and not cut.get("resumed_by") else None
    return None


def resumed(msg: Msg, reply_id: str) -> Msg:
    """The interrupted message, with the reply that says the rest."""
    return msg.copy_with(metadata={**msg.metadata, "interrupted": {**msg.metadata["interrupted"], "resumed_by": reply_id}})


def pieces(text: str) -> Iterator[str]:
    """A text in pieces of about a word, whose sum is the text."""
    return (found[0] for found in _PIECE.finditer(text))


def cut(
    messages: Sequence[Msg], heard: str, unheard: str, by: str | None = None, at: str | None = None
) -> tuple[list[Msg], list[str]]:
    """Cuts the assistant messages of one reply to what was heard.

    The words of all messages together become exactly `heard`; the message in which the cut falls says by whom and when it was
    made and what was left unheard. Returns the messages that changed and the ids of those that are empty now.
    """
    if not messages:
        return [], []
    place, rests = _find_cut(messages, heard)
    changed: list[Msg] = []
    emptied: list[str] = []
    for index, msg in enumerate(messages):
        before = msg.metadata.get("interrupted")
        if index == place:
            unsaid = before.get("unsaid", "") if isinstance(before, dict) else ""
            fact = {"by": by, "at": at or now_iso(), "unheard": unheard + unsaid}
            changed.append(_with_words(msg, rests, {**msg.metadata, "interrupted": fact}))
        elif index > place:
            kept = _with_words(msg, "", {name: value for name, value in msg.metadata.items() if name != "interrupted"})
            if kept.content:
                changed.append(kept)
            else:
                emptied.append(msg.id)
    return changed, emptied


def _find_cut(messages: Sequence[Msg], heard: str) -> tuple[int, str]:
    """The message in which the cut falls, and what of `heard` is its own. Spaces do not count: speech joins blocks with some."""
    rest = heard
    last = max((i for i, msg in enumerate(messages) if msg.get_text_content()), default=len(messages) - 1)
    for index, msg in enumerate(messages):
        after = _without_prefix(rest, msg.get_text_content(""))
        if index >= last or after is None or not after.strip():
            return index, rest
        rest = after
    return last, rest


def _without_prefix(text: str, prefix: str) -> str | None:
    """`text` after `prefix`, where it begins with it apart from spaces; else None."""
    position = 0
    for char in prefix:
        if char.isspace():
            continue
        while position < len(text) and text[position].isspace():
            position += 1
        if position >= len(text) or text[position] != char:
            return None
        position += 1
    return text[position:].lstrip()


def _with_words(msg: Msg, words: str, metadata: dict[str, Any]) -> Msg:
    blocks: list[Block] = [block for block in _others(msg.blocks())]
    if words:
        texts = [index for index, block in enumerate(msg.blocks()) if isinstance(block, TextBlock)]
        place = sum(1 for _ in _others(list(msg.blocks())[: texts[0]])) if texts else 0
        blocks.insert(place, TextBlock(words))
    return msg.copy_with(content=blocks, metadata=metadata)


def _others(blocks: Iterable[Block]) -> Iterator[Block]:
    return (block for block in blocks if not isinstance(block, (TextBlock, HintBlock)) and not _unplayed(block))


def _unplayed(block: Block) -> bool:
    return isinstance(block, DataBlock) and block.kind == "audio"
