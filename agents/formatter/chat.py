"""What the chat formatters have in common; a provider adds the form of its text and media."""

import json
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from ..message import DataBlock, HintBlock, Msg, TextBlock, ToolResultBlock, ToolUseBlock
from .base import FormatterBase, interruption_note, is_closed, keys_note, units
from .told import Names, Told

NO_RESULT = "There is no result: the call was never finished."
"""Stands in for a result that is missing: providers refuse a prompt in which a call has none."""

HISTORY = (
    "This is the conversation so far between you and the others in the room, one line for each time somebody spoke. "
    "Answer the last of it, as yourself, without your name in front."
)
"""The heading of a conversation of several speakers that is told as a history."""

Part = dict[str, Any]


class ChatFormatter(FormatterBase):
    """Makes a list of messages with the roles system, user, assistant and tool.

    With one person and one agent these are simply their turns. With more of them (and `many_speakers` set), everybody's words
    carry their names: as user messages around the agent's own turns where `speaker` is given, else as one history in which
    the agent finds itself by its name, which its system prompt must say.

    Thinking is never shown. Tool results hold text; media in them follow in a user message, as the providers want it.

    What becomes of a message depends on that message, on the speaker, and on whether there are several; a class derived from
    this one keeps to that, as what was told once is not made again.
    """

    many_speakers = False

    @abstractmethod
    def text_part(self, text: str) -> Part:
        """A piece of text among media."""

    @abstractmethod
    def media_part(self, block: DataBlock) -> Part | None:
        """An image, a sound or a video; None for what this provider does not take."""

    async def format(
        self, msgs: Iterable[Msg], *, speaker: str | None = None, told: Told | None = None
    ) -> list[dict[str, Any]]:
        """See `FormatterBase.format`."""
        if told is None or (self.many_speakers and speaker is None):
            return await super().format(msgs, speaker=speaker)
        shown = self._fitting(msgs)
        head = shown[:1] if shown and shown[0].role == "system" and _is_words(shown[0]) else []
        prompt = [{"role": "system", "content": msg.get_text_content()} for msg in head]
        self._go_on(told, shown[len(head) :], speaker)
        return prompt + told.copies()

    def _go_on(self, told: Told, msgs: Sequence[Msg], speaker: str | None) -> None:
        """Tells what has not been told of a conversation."""
        by = (self, speaker)
        place = told.go_back(msgs, by)
        people, agents = _spoken(msgs[place.msgs :], place.people, place.agents)
        several = self.many_speakers and (len(people) > 1 or len(agents) > 1)
        if several != told.several:
            told.several = several
            place = told.begin(by)
        prompt = _Prompt(self, told.messages)
        people, agents, count = place.people, place.agents, place.msgs
        for unit in units(msgs[count:]):
            self._add(prompt, unit, speaker, several)
            people, agents = _spoken(unit, people, agents)
            count += len(unit)
            if is_closed(unit):
                told.reach(count, people, agents)
        told.msgs = msgs

    def _build(self, msgs: Sequence[Msg], speaker: str | None) -> list[dict[str, Any]]:
        prompt = _Prompt(self, [])
        people, agents = _spoken(msgs, frozenset(), frozenset())
        several = self.many_speakers and (len(people) > 1 or len(agents) > 1)
        history: list[Msg] = []
        for unit in units(msgs):
            if several and speaker is None and _is_talk(unit):
                history.extend(unit)
                continue
            self._tell(prompt, history)
            history = []
            self._add(prompt, unit, speaker, several)
        self._tell(prompt, history)
        return prompt.messages

    def _add(self, prompt: "_Prompt", unit: Sequence[Msg], speaker: str | None, several: bool) -> None:
        """One unit: plain turns, or calls, then their results in order, then what else came meanwhile."""
        results = {block.id: block for msg in unit for block in msg.blocks() if isinstance(block, ToolResultBlock)}
        notes: list[Msg] = []
        for msg in unit:
            if msg.role == "assistant" and (speaker is None or not several or msg.name == speaker):
                prompt.assistant(msg, results)
                notes.append(msg)
            elif msg.role == "system" and msg.get_text_content():
                prompt.system(msg.get_text_content())
            else:
                prompt.user(self._named(msg) if several else self._content(msg))
        for msg in notes:
            if note := interruption_note(msg):
                prompt.user([self.text_part(f"<note>{note}</note>")])

    def _content(self, msg: Msg) -> list[Part]:
        parts: list[Part] = []
        for block in msg.blocks():
            match block:
                case TextBlock() if block.text:
                    parts.append(self.text_part(block.text))
                case HintBlock():
                    parts.append(self.text_part(f"<hint>{block.text}</hint>"))
                case DataBlock():
                    parts.append(self.media_part(block) or self.text_part(_placeholder(block)))
        if parts and (note := keys_note(msg)):
            parts.append(self.text_part(f"<note>{note}</note>"))
        return parts

    def _named(self, msg: Msg) -> list[Part]:
        """The message with its speaker's name, and the note on its interruption."""
        parts = self._content(msg)
        if _is_hint(msg) or (not parts and "interrupted" not in msg.metadata):
            return parts
        if not parts or "text" not in parts[0]:
            parts.insert(0, self.text_part(""))
        parts[0] = self.text_part(f"{msg.name}: {parts[0]['text']}")
        if note := interruption_note(msg, of=f"{msg.name}'s"):
            parts.append(self.text_part(f"({note})"))
        return parts

    def _tell(self, prompt: "_Prompt", history: Sequence[Msg]) -> None:
        if not history:
            return
        parts = [self.text_part(f"{HISTORY}\n<history>" if not prompt.told else "<history>")]
        for msg in history:
            parts.extend(self._named(msg))
        parts.append(self.text_part("</history>"))
        prompt.told = True
        prompt.user(parts)


class _Prompt:
    """The messages under construction."""

    def __init__(self, formatter: ChatFormatter, messages: list[dict[str, Any]]) -> None:
        self.messages = messages
        """Those before stay as they are: what is added to one of them makes another one."""
        self.told = False
        """Whether a history was begun."""
        self._formatter = formatter

    def system(self, text: str) -> None:
        self.messages.append({"role": "system", "content": text})

    def user(self, parts: Iterable[Part]) -> None:
        """Adds to the user message before, if there is one: some chat templates refuse two in a row."""
        parts = list(parts)
        if not parts:
            return
        if self.messages and self.messages[-1]["role"] == "user":
            before = self.messages[-1]["content"]
            parts = [*([self._formatter.text_part(before)] if isinstance(before, str) else before), *parts]
            self.messages.pop()
        self.messages.append({"role": "user", "content": _as_text(parts)})

    def assistant(self, msg: Msg, results: dict[str, ToolResultBlock]) -> None:
        """The agent's own turn: words and calls, then a result for every call. Its sounds are its words, and are left out."""
        text = msg.get_text_content()
        calls = msg.tool_uses()
        if text or calls:
            message: dict[str, Any] = {"role": "assistant", "content": text or None}
            if calls:
                message["tool_calls"] = [_call(call) for call in calls]
            self.messages.append(message)
        media: list[Part] = []
        for call in calls:
            result = results.get(call.id)
            self.messages.append({"role": "tool", "tool_call_id": call.id, "content": _result_text(result)})
            media.extend(self._media_of(result))
        shown = [block for block in msg.blocks() if isinstance(block, DataBlock) and block.kind != "audio"]
        media.extend(part for block in shown for part in self._shown(block))
        hints = [self._formatter.text_part(f"<hint>{b.text}</hint>") for b in msg.blocks() if isinstance(b, HintBlock)]
        self.user([*media, *hints])

    def _media_of(self, result: ToolResultBlock | None) -> list[Part]:
        if result is None or isinstance(result.output, str):
            return []
        blocks = [block for block in result.output if isinstance(block, DataBlock)]
        parts = [part for block in blocks for part in self._shown(block)]
        return [self._formatter.text_part(f"<note>The tool {result.name} returned this:</note>"), *parts] if parts else []

    def _shown(self, block: DataBlock) -> list[Part]:
        part = self._formatter.media_part(block)
        return [part if part is not None else self._formatter.text_part(_placeholder(block))]


def _is_talk(unit: Sequence[Msg]) -> bool:
    return all(msg.role != "system" and not msg.tool_uses() and not msg.has_content_blocks("tool_result") for msg in unit)


def _spoken(msgs: Iterable[Msg], people: Names, agents: Names) -> tuple[Names, Names]:
    """Who has spoken after these messages: persons, agents."""
    for msg in msgs:
        if msg.role == "user":
            if msg.name not in people and not _is_hint(msg):
                people |= {msg.name}
        elif msg.role == "assistant" and msg.name not in agents and not _is_hint(msg):
            agents |= {msg.name}
    return people, agents


def _is_words(msg: Msg) -> bool:
    return bool(msg.get_text_content()) and all(isinstance(block, TextBlock) for block in msg.blocks())


def _is_hint(msg: Msg) -> bool:
    return bool(msg.content) and all(isinstance(block, HintBlock) for block in msg.blocks())


def _call(call: ToolUseBlock) -> dict[str, Any]:
    arguments = json.dumps(call.input, ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _result_text(result: ToolResultBlock | None) -> str:
    if result is None:
        return NO_RESULT
    return result.text or ("(see the next message)" if result.output else "(nothing)")


def _placeholder(block: DataBlock) -> str:
    name = f" {block.name}" if block.name else ""
    where = getattr(block.source, "url", "")
    return f"[{block.kind}{name}{': ' + where if where else ''}, which you cannot see or hear]"


def _as_text(parts: Sequence[Part]) -> str | list[Part]:
    """Text alone goes as a plain string, which every compatible server takes."""
    if all("text" in part for part in parts):
        return "\n".join(part["text"] for part in parts)
    return list(parts)
