"""Who thinks: agents, what they say to each other, what they remember, and the tools they use.

The public names are loaded when first used, so that `import hubbub.agents` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent.adapter import CallableAgent as CallableAgent
    from .agent.adapter import from_callable as from_callable
    from .agent.base import AgentBase as AgentBase
    from .agent.react import ReActAgent as ReActAgent
    from .agent.user import TerminalUserInput as TerminalUserInput
    from .agent.user import UserAgent as UserAgent
    from .agent.user import UserInputBase as UserInputBase
    from .agent.user import UserInputData as UserInputData
    from .draft import Draft as Draft
    from .draft import DraftDiscarded as DraftDiscarded
    from .draft import DraftSettled as DraftSettled
    from .event import AgentEvent as AgentEvent
    from .event import ReplyEndEvent as ReplyEndEvent
    from .event import ReplyStartEvent as ReplyStartEvent
    from .event import TextBlockDeltaEvent as TextBlockDeltaEvent
    from .event import parse_event as parse_event
    from .hub import MsgHub as MsgHub
    from .memory.base import MemoryBase as MemoryBase
    from .memory.in_process import InMemoryMemory as InMemoryMemory
    from .message import AudioBlock as AudioBlock
    from .message import Base64Source as Base64Source
    from .message import DataBlock as DataBlock
    from .message import HintBlock as HintBlock
    from .message import ImageBlock as ImageBlock
    from .message import Msg as Msg
    from .message import TextBlock as TextBlock
    from .message import ThinkingBlock as ThinkingBlock
    from .message import ToolResultBlock as ToolResultBlock
    from .message import ToolUseBlock as ToolUseBlock
    from .message import URLSource as URLSource
    from .message import VideoBlock as VideoBlock
    from .middleware.base import MiddlewareBase as MiddlewareBase
    from .pipeline import FanoutPipeline as FanoutPipeline
    from .pipeline import SequentialPipeline as SequentialPipeline
    from .pipeline import fanout_pipeline as fanout_pipeline
    from .pipeline import sequential_pipeline as sequential_pipeline
    from .pipeline import stream_printing_messages as stream_printing_messages
    from .plan import Plan as Plan
    from .plan import PlanNotebook as PlanNotebook
    from .plan import SubTask as SubTask
    from .tool import Toolkit as Toolkit

_NAMES = {
    "agent.adapter": "CallableAgent from_callable",
    "agent.base": "AgentBase",
    "agent.react": "ReActAgent",
    "agent.user": "TerminalUserInput UserAgent UserInputBase UserInputData",
    "draft": "Draft DraftDiscarded DraftSettled",
    "event": """AgentEvent ReplyStartEvent ModelCallStartEvent ModelCallEndEvent TextBlockStartEvent TextBlockDeltaEvent
        TextBlockEndEvent ThinkingBlockStartEvent ThinkingBlockDeltaEvent ThinkingBlockEndEvent DataBlockStartEvent
        DataBlockDeltaEvent DataBlockEndEvent ToolCallStartEvent ToolCallDeltaEvent ToolCallEndEvent ToolResultStartEvent
        ToolResultTextDeltaEvent ToolResultDataDeltaEvent ToolResultEndEvent HintBlockEvent RequireUserConfirmEvent
        RequireExternalExecutionEvent UserConfirmResultEvent ExternalExecutionResultEvent UserInterruptEvent CustomEvent
        ReplyEndEvent ConfirmResult Usage parse_event""",
    "formatter": """DashScopeChatFormatter DashScopeMultiAgentFormatter FormatterBase OpenAIChatFormatter
        OpenAIMultiAgentFormatter""",
    "hub": "MsgHub",
    "memory.base": "MemoryBase",
    "memory.compression": "CompressionConfig",
    "memory.in_process": "InMemoryMemory",
    "memory.sql": "SqlMemory SqlStore",
    "message": """AudioBlock Base64Source DataBlock HintBlock ImageBlock MessageFormatError Msg TextBlock ThinkingBlock
        ToolResultBlock ToolUseBlock URLSource VideoBlock""",
    "middleware.base": "MiddlewareBase",
    "middleware.budget": "Budget BudgetMiddleware",
    "middleware.hints": "ContextHintMiddleware TimeHintMiddleware",
    "middleware.tracing": "TracingMiddleware",
    "model": """ChatModelBase ChatModelError ChatUsage DashScopeChatModel EmbeddedChatModel EmbeddedModel FallbackChatModel
        FallbackModel OpenAIChatModel Price RetryPolicy detect_model""",
    "pipeline": "FanoutPipeline SequentialPipeline fanout_pipeline sequential_pipeline stream_printing_messages",
    "plan": "Plan PlanNotebook SubTask",
    "rebuild": "MessageBuilder message_from_events",
    "state": "AgentState",
    "session": "JSONSession SessionBase",
    "tool": "Permissions PermissionRule Tool ToolChunk ToolError ToolFlags ToolResponse Toolkit",
    "v0": "init msghub",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
