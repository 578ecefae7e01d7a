"""Messages: who said what to whom, as a list of typed blocks.

A message is a plain slotted dataclass: it is built for every turn and every tool result of every conversation, so it
checks what it must (the role, the blocks) and nothing more. Once a memory or a hub holds a message it is not changed any
more; whoever needs another one makes it with `dataclasses.replace` or `Msg.copy_with`.

The names are AgentScope's (1.x, and `DataBlock`, `HintBlock` of 2.x). Dictionaries that either line wrote are read, too.
"""

import mimetypes
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, cast

Role = Literal["user", "assistant", "system"]
ToolState = Literal["running", "success", "error", "interrupted", "denied"]
"""How a tool call ended; `running` while it has not."""
CallState = Literal["pending", "asking", "submitted", "allowed", "finished"]
"""Where a tool call is: not looked at yet, waiting for a person's word, waiting for an outside executor, let through,
done."""


class MessageFormatError(ValueError):
    """A dictionary is not a message (or block) of any version that is understood; says what was expected and what came."""


def new_id() -> str:
    """A random id: 16 hexadecimal digits."""
    return os.urandom(8).hex()


def now_iso() -> str:
    """The wall clock as ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _Readable:
    """Lets blocks be read like the typed dictionaries that they were in AgentScope 1.x: `block["text"]`."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        if key not in _names(type(self)):
            raise KeyError(key)
        return getattr(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """The field `key`, or `default` where the block has none."""
        return getattr(self, key) if key in _names(type(self)) else default

    def __contains__(self, key: str) -> bool:
        return key in _names(type(self))

    def __iter__(self) -> Iterator[str]:
        return iter(_names(type(self)))

    def to_dict(self) -> dict[str, Any]:
        """The block as plain JSON values; empty optional fields are left out."""
        return {name: _plain(value) for name in _names(type(self)) if (value := getattr(self, name)) != "" or name == "text"}


_FIELD_NAMES: dict[type, tuple[str, ...]] = {}


def _names(cls: type) -> tuple[str, ...]:
    names = _FIELD_NAMES.get(cls)
    if names is None:
        names = _FIELD_NAMES[cls] = tuple(f.name for f in fields(cls))
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, _Readable):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


@dataclass(slots=True)
class Base64Source(_Readable):
    """Media carried in the message."""

    data: str
    """The bytes in base64."""
    media_type: str
    """A MIME type such as `image/png` or `audio/pcm;rate=16000`."""
    type: Literal["base64"] = field(default="base64", kw_only=True)


@dataclass(slots=True)
class URLSource(_Readable):
    """Media that lies elsewhere."""

    url: str
    media_type: str = ""
    """The MIME type; guessed from the address where it is empty."""
    type: Literal["url"] = field(default="url", kw_only=True)


Source = Base64Source | URLSource


@dataclass(slots=True)
class TextBlock(_Readable):
    """Words."""

    text: str
    id: str = ""
    """The id of the block in its reply's events."""
    type: Literal["text"] = field(default="text", kw_only=True)


@dataclass(slots=True)
class ThinkingBlock(_Readable):
    """What a model thought before it spoke. Never shown to other participants."""

    thinking: str
    id: str = ""
    signature: str = ""
    """What some providers want back with the thought, to believe that it is theirs."""
    type: Literal["thinking"] = field(default="thinking", kw_only=True)


@dataclass(slots=True)
class HintBlock(_Readable):
    """A word to the model from outside the conversation: the time, a finished background task, a spent budget."""

    text: str
    source: str = ""
    """Who put it there."""
    id: str = ""
    type: Literal["hint"] = field(default="hint", kw_only=True)


@dataclass(slots=True)
class DataBlock(_Readable):
    """An image, a sound, a video or a file."""

    source: Source
    name: str = ""
    id: str = ""
    type: Literal["data", "image", "audio", "video"] = field(default="data", kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.source, Mapping):
            self.source = _source(self.source)

    @property
    def media_type(self) -> str:
        """The MIME type: stated, guessed from the address, or such as `image/*` where only the kind is known."""
        if self.source.media_type:
            return self.source.media_type
        guess = mimetypes.guess_type(self.source.url)[0] if isinstance(self.source, URLSource) else None
        return guess or ("application/octet-stream" if self.type == "data" else f"{self.type}/*")

    @property
    def kind(self) -> Literal["image", "audio", "video", "file"]:
        """What it is for a reader."""
        word = self.type if self.type != "data" else self.media_type.partition("/")[0]
        return cast(Any, word) if word in ("image", "audio", "video") else "file"


@dataclass(slots=True)
class ImageBlock(DataBlock):
    """A `DataBlock` that is an image, by its 1.x name."""

    type: Literal["image"] = field(default="image", kw_only=True)


@dataclass(slots=True)
class AudioBlock(DataBlock):
    """A `DataBlock` that is sound, by its 1.x name."""

    type: Literal["audio"] = field(default="audio", kw_only=True)


@dataclass(slots=True)
class VideoBlock(DataBlock):
    """A `DataBlock` that is video, by its 1.x name."""

    type: Literal["video"] = field(default="video", kw_only=True)


@dataclass(slots=True)
class ToolUseBlock(_Readable):
    """A model asks for a tool."""

    id: str
    name: str
    input: dict[str, Any] = field(default_factory=dict)
    raw_input: str = ""
    """The arguments as the model wrote them, which may not be JSON."""
    state: CallState = "pending"
    type: Literal["tool_use"] = field(default="tool_use", kw_only=True)


@dataclass(slots=True)
class ToolResultBlock(_Readable):
    """What a tool answered. `id` is the id of the call."""

    id: str
    name: str
    output: "str | list[TextBlock | ImageBlock | AudioBlock | VideoBlock | DataBlock]" = ""
    state: ToolState = "success"
    type: Literal["tool_result"] = field(default="tool_result", kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.output, list) and any(isinstance(item, Mapping) for item in self.output):
            self.output = cast(Any, [as_block(item) for item in self.output])

    @property
    def text(self) -> str:
        """The words of the output."""
        if isinstance(self.output, str):
            return self.output
        return "\n".join(block.text for block in self.output if isinstance(block, TextBlock))


Block = (
    TextBlock | ThinkingBlock | HintBlock | ImageBlock | AudioBlock | VideoBlock | DataBlock | ToolUseBlock | ToolResultBlock
)
"""Any block. (Subclasses of `DataBlock` come before it, so that reading picks the narrower.)"""

_BLOCKS: dict[str, type[Any]] = {
    "text": TextBlock, "thinking": ThinkingBlock, "hint": HintBlock, "data": DataBlock, "image": ImageBlock,
    "audio": AudioBlock, "video": VideoBlock, "tool_use": ToolUseBlock, "tool_result": ToolResultBlock,
    "tool_call": ToolUseBlock,  # its name in AgentScope 2.x
}  # fmt: skip
_PRIVATE = (ThinkingBlock, ToolUseBlock, ToolResultBlock, HintBlock)


def _source(data: Mapping[str, Any]) -> Source:
    match data:
        case {"type": "base64", "data": str(), "media_type": str()}:
            return Base64Source(data["data"], data["media_type"])
        case {"type": "url", "url": str()}:
            return URLSource(data["url"], data.get("media_type") or "")
    raise MessageFormatError(
        f'a source is {{"type": "base64", "data", "media_type"}} or {{"type": "url", "url"}}; got {_brief(data)}'
    )


def as_block(data: "Block | Mapping[str, Any]") -> Block:
    """A block from a block or its dictionary. Raises MessageFormatError.

    Fields that this version does not know are ignored, as a newer writer may have more of them; a block type that it does
    not know is an error, as leaving it out would lose what somebody said.
    """
    if not isinstance(data, Mapping):
        if isinstance(data, Block):
            return data
        raise MessageFormatError(f"expected a block or its dictionary, got {_brief(data)}")
    cls = _BLOCKS.get(str(data.get("type")))
    if cls is None:
        raise MessageFormatError(f"unknown block type in {_brief(data)}; known are {', '.join(_BLOCKS)}")
    values = {name: data[name] for name in _names(cls) if data.get(name) is not None and name != "type"}
    if issubclass(cls, DataBlock) and isinstance(values.get("source"), Mapping):
        values["source"] = _source(values["source"])
    if cls is ToolUseBlock and isinstance(values.get("input"), str):  # 2.x keeps the arguments as text
        values["raw_input"], values["input"] = values["input"], _arguments(values["input"])
    if cls is HintBlock and "text" not in values and isinstance(data.get("hint"), str):
        values["text"] = data["hint"]
    try:
        return cast(Block, cls(**values))
    except TypeError as error:
        raise MessageFormatError(f"{cls.__name__} cannot be read from {_brief(data)}: {error}") from None


def _arguments(text: str) -> dict[str, Any]:
    import json

    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


@dataclass(slots=True)
class Msg:
    """One message of a conversation.

    `content` is text or a list of blocks. `role` is `user` for everybody but the agent itself, as a model sees it,
    `assistant` for an agent's reply, `system` for instructions and tool results. `metadata` carries structured output,
    `interrupted` (who broke in, when, and what was left unsaid) and whatever an application wants to keep with a message.
    `reply_id` binds the messages of one reply together.
    """

    ROLES: ClassVar[frozenset[str]] = frozenset({"user", "assistant", "system"})

    name: str
    content: str | list[Block]
    role: Role
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    timestamp: str = field(default_factory=now_iso)
    reply_id: str = ""

    def __post_init__(self) -> None:
        if self.role not in Msg.ROLES:
            raise ValueError(f"a role is one of {sorted(Msg.ROLES)}, got {self.role!r}")
        if self.metadata is None:
            self.metadata = {}
        if isinstance(self.content, str):
            return
        if not isinstance(self.content, (list, tuple)):
            raise TypeError(f"content is text or a list of blocks, got {_brief(self.content)}")
        if not all(isinstance(block, Block) for block in self.content):
            self.content = [as_block(block) for block in self.content]

    def blocks(self) -> Sequence[Block]:
        """The content as blocks: text stands for one text block."""
        if isinstance(self.content, str):
            return [TextBlock(self.content)] if self.content else []
        return self.content

    def get_text_content(self, separator: str = "\n") -> str:
        """The text blocks joined with `separator`; "" where there are none."""
        if isinstance(self.content, str):
            return self.content
        return separator.join(block.text for block in self.content if isinstance(block, TextBlock))

    def get_content_blocks(self, block_type: str | Iterable[str] | None = None) -> list[Block]:
        """The blocks of one or several types (all of them for None). `data` means every medium, `image` every image."""
        if block_type is None:
            return list(self.blocks())
        wanted = {block_type} if isinstance(block_type, str) else set(block_type)
        return [block for block in self.blocks() if block.type in wanted or _is_medium(block, wanted)]

    def has_content_blocks(self, block_type: str | Iterable[str] | None = None) -> bool:
        """Whether there is a block of that type."""
        return bool(self.get_content_blocks(block_type))

    def tool_uses(self) -> list[ToolUseBlock]:
        """The tool calls in the message."""
        return [] if isinstance(self.content, str) else [b for b in self.content if isinstance(b, ToolUseBlock)]

    def public(self) -> "Msg":
        """The message as others may see it: without thinking, tool calls, tool results and hints."""
        if isinstance(self.content, str) or not any(isinstance(block, _PRIVATE) for block in self.content):
            return self
        return replace(self, content=[block for block in self.content if not isinstance(block, _PRIVATE)])

    def copy_with(self, **changes: Any) -> "Msg":
        """The same message (same id) with other fields."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The message as plain JSON values; `from_dict` gives an equal message back."""
        content = self.content if isinstance(self.content, str) else [block.to_dict() for block in self.content]
        data: dict[str, Any] = {
            "id": self.id, "name": self.name, "role": self.role, "content": content, "metadata": self.metadata,
            "timestamp": self.timestamp,
        }  # fmt: skip
        if self.reply_id:
            data["reply_id"] = self.reply_id
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Msg":
        """A message from its dictionary, also one that AgentScope 1.x or 2.x wrote. Raises MessageFormatError."""
        if not isinstance(data, Mapping) or not {"name", "role", "content"} <= data.keys():
            raise MessageFormatError(f"a message has at least name, role and content; got {_brief(data)}")
        content = data["content"]
        if not isinstance(content, str):
            if not isinstance(content, (list, tuple)):
                raise MessageFormatError(f"content is text or a list of blocks; got {_brief(content)}")
            content = [as_block(block) for block in content]
        optional = {
            "id": data.get("id"), "timestamp": data.get("timestamp") or data.get("created_at"),
            "reply_id": data.get("reply_id"),
        }  # fmt: skip
        try:
            return cls(
                str(data["name"]), content, data["role"], dict(data.get("metadata") or {}),
                **{name: str(value) for name, value in optional.items() if value},
            )  # fmt: skip
        except (TypeError, ValueError) as error:
            raise MessageFormatError(str(error)) from None


def _is_medium(block: Block, wanted: set[str]) -> bool:
    return isinstance(block, DataBlock) and ("data" in wanted or block.kind in wanted)


def as_messages(msg: "Msg | Iterable[Msg] | None") -> list[Msg]:
    """What `reply` and `observe` accept, as a list. Raises TypeError for anything that is not a message."""
    if msg is None:
        return []
    if isinstance(msg, Msg):
        return [msg]
    messages = list(msg)
    for item in messages:
        if not isinstance(item, Msg):
            raise TypeError(f"expected a Msg or a list of Msg, got {_brief(item)}")
    return messages
