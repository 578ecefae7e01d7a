"""What a formatter is, and what all of them share: interruptions told as facts, and truncation that parts no tool pair."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..message import DataBlock, HintBlock, Msg, TextBlock, ToolResultBlock, ToolUseBlock
from .told import Told

MEDIA_TOKENS = 1000
"""What an image or a sound is counted as: about a 1024 x 1024 image at the large providers."""

LONGEST_UNHEARD = 1000
"""How many characters of what was not heard are shown to the model; the agent keeps all of it."""


def estimated_tokens(msg: Msg) -> int:
    """About how many tokens a message takes: a quarter of its Latin characters, each of its Chinese ones, and its media."""
    tokens = 4  # what frames a message in the large providers' chat formats
    for block in msg.blocks():
        match block:
            case TextBlock() | HintBlock():
                tokens += _text_tokens(block.text)
            case ToolUseBlock():
                tokens += 8 + _text_tokens(block.name) + _text_tokens(block.raw_input or str(block.input))
            case ToolResultBlock():
                tokens += 8 + _text_tokens(block.text)
                tokens += MEDIA_TOKENS * sum(isinstance(item, DataBlock) for item in block.output)
            case DataBlock():
                tokens += MEDIA_TOKENS
    return tokens


def _text_tokens(text: str) -> int:
    dense = 0 if text.isascii() else sum(char >= "\u2e80" for char in text)
    return dense + (len(text) - dense + 3) // 4


def units(msgs: Iterable[Msg]) -> list[list[Msg]]:
    """Cuts a conversation into runs that belong together: a message with tool calls and all up to their last result."""
    cut: list[list[Msg]] = []
    open_calls: set[str] = set()
    for msg in msgs:  # all of a long conversation, at each turn: so no calls and no sets for plain words
        if open_calls:
            cut[-1].append(msg)
        else:
            cut.append([msg])
        if isinstance(msg.content, str):
            continue
        for block in msg.content:
            if isinstance(block, ToolUseBlock):
                open_calls.add(block.id)
        if open_calls:
            open_calls.difference_update([block.id for block in msg.content if isinstance(block, ToolResultBlock)])
    return cut


def is_closed(unit: Sequence[Msg]) -> bool:
    """Whether every tool call in a unit has its result, so that nothing that follows belongs to it."""
    calls = {call.id for msg in unit for call in msg.tool_uses()}
    return not calls or calls <= {block.id for msg in unit for block in msg.blocks() if isinstance(block, ToolResultBlock)}


def truncated(msgs: Sequence[Msg], max_tokens: int, estimate: Callable[[Msg], int] = estimated_tokens) -> list[Msg]:
    """The newest part of a conversation that fits, whole tool pairs only.

    System messages with text stay, and so does the newest unit, even where the two alone are too long: then the provider
    says so, which is better than a prompt without its question.
    """
    parts = units(msgs)
    sizes = [sum(estimate(msg) for msg in part) for part in parts]
    fixed = [len(part) == 1 and part[0].role == "system" for part in parts]
    excess = sum(sizes) - max_tokens
    kept: list[Msg] = []
    for place, part in enumerate(parts):
        if excess > 0 and not fixed[place] and place < len(parts) - 1:
            excess -= sizes[place]
        else:
            kept.extend(part)
    return kept


def interruption_note(msg: Msg, *, of: str = "your") -> str | None:
    """What is told about a reply that was cut off, as facts: by whom, what was heard, what had not been said. None: it was not.

    `of` says whose answer it was, `your` or `Ada's`.
    """
    cut = msg.metadata.get("interrupted")
    if not cut:
        return None
    fact: dict[str, Any] = cut if isinstance(cut, dict) else {}
    who = f" by {fact['by']}" if fact.get("by") else ""
    if not msg.get_text_content().strip():
        told = f"{of.capitalize()} answer was cut off{who} before any of it was heard."
    else:
        told = f"Here {of} answer was cut off{who}: only the words above were heard."
    unheard = str(fact.get("unheard") or "").strip()
    if fact.get("resumed_by"):
        return f"{told} The rest was said later."
    if unheard:
        shown = unheard if len(unheard) <= LONGEST_UNHEARD else unheard[:LONGEST_UNHEARD] + "…"
        told += f' Not heard: "{shown}"'
    return told


def keys_note(msg: Msg) -> str | None:
    """What is told about digits that were keyed in: nobody said them, so they are no number in a sentence. None: they were not."""
    return "These are keys that were pressed on a telephone; nothing was said." if msg.metadata.get("keyed") else None


class FormatterBase(ABC):
    """Turns messages into the dictionaries that a model takes."""

    def __init__(self, *, max_tokens: int | None = None, estimate: Callable[[Msg], int] = estimated_tokens) -> None:
        """Where `max_tokens` is given, the oldest messages are left out of longer conversations, by `estimate`."""
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens is at least 1, got {max_tokens}")
        self.max_tokens = max_tokens
        self.estimate = estimate

    async def format(
        self, msgs: Iterable[Msg], *, speaker: str | None = None, told: Told | None = None
    ) -> list[dict[str, Any]]:
        """The prompt for these messages, oldest first.

        `speaker` is the name of the agent that is to speak next, where it is known: its own replies can then be told from
        other agents'. `told` is what an agent keeps from one prompt to the next; a formatter that can use it does only what
        is new since then.
        """
        return self._build(self._fitting(msgs), speaker)

    def _fitting(self, msgs: Iterable[Msg]) -> list[Msg]:
        shown = list(msgs)
        return shown if self.max_tokens is None else truncated(shown, self.max_tokens, self.estimate)

    @abstractmethod
    def _build(self, msgs: Sequence[Msg], speaker: str | None) -> list[dict[str, Any]]: ...
