"""Structured output: an answer that fits a schema, asked for as a tool call and repaired until it fits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..message import ToolUseBlock

if TYPE_CHECKING:
    from pydantic import BaseModel

FINISH_TOOL = "generate_response"
"""The tool whose arguments are the answer; AgentScope's name for it."""

_SPOKEN = "response"
_SPOKEN_SCHEMA = {"type": "string", "description": "What to say to the person together with this answer, in plain words."}


class StructuredOutput:
    """What one reply has to deliver, and whether it has.

    Its tool takes the fields of the schema and, unless the schema has a field of that name, `response`: the words that go
    with them.
    """

    __slots__ = ("_spoken", "faulty", "model", "schema", "value", "words")

    def __init__(self, schema: dict[str, Any], model: type[BaseModel] | None = None) -> None:
        self.schema = schema
        self.model = model
        self.value: dict[str, Any] | None = None
        """The answer, once it fits."""
        self.words = ""
        self.faulty = False
        """Whether an answer came that did not fit; from then on it is asked for as a tool call, which can be answered."""
        self._spoken = _SPOKEN not in schema.get("properties", {})

    @classmethod
    def of(cls, wanted: Any) -> StructuredOutput | None:
        """From a pydantic model class or a JSON schema of an object; None for None. Raises TypeError for anything else."""
        if wanted is None or isinstance(wanted, cls):
            return wanted
        if isinstance(wanted, dict):
            return cls(wanted)
        if isinstance(wanted, type) and hasattr(wanted, "model_json_schema"):
            return cls(wanted.model_json_schema(), wanted)
        raise TypeError(f"structured_model is a pydantic model class or a JSON schema, got {wanted!r}")

    def tool_schema(self) -> dict[str, Any]:
        """The finish tool as an OpenAI function schema."""
        parameters = {"type": "object", **self.schema}
        if self._spoken:
            parameters["properties"] = {**self.schema.get("properties", {}), _SPOKEN: _SPOKEN_SCHEMA}
        description = "Give your final answer in this form. Call this when you have all that it needs; it ends your reply."
        return {"type": "function", "function": {"name": FINISH_TOOL, "description": description, "parameters": parameters}}

    def answer_schema(self) -> dict[str, Any] | None:
        """The arguments of the finish tool as a schema to which a provider can hold its answer; None where that is not to be
        tried."""
        from .strict import strict_schema

        return None if self.faulty else strict_schema(self.tool_schema()["function"]["parameters"])

    def take(self, call: ToolUseBlock) -> str:
        """Checks the arguments of the finish tool, repairs what can be repaired, and keeps what fits.

        Returns "" if it fits, else what is wrong, for the model to try again.
        """
        from ..tool.arguments import BadArguments, read_arguments

        try:
            arguments = read_arguments(call, self.tool_schema()["function"]["parameters"])
            words = str(arguments.pop(_SPOKEN, "") or "") if self._spoken else ""
            if self.model is not None:
                arguments = self.model.model_validate(arguments).model_dump(mode="json")
        except BadArguments as error:
            self.faulty = True
            return f"The answer does not fit: {error}. Call {FINISH_TOOL} again with what is wrong put right."
        except ValueError as error:  # pydantic's ValidationError is one
            self.faulty = True
            return f"The answer does not fit: {_faults(error)}. Call {FINISH_TOOL} again with what is wrong put right."
        self.value = arguments
        self.words = words
        return ""

    def spoken(self) -> str:
        """The words of the answer: what the model wants said with it, else the answer itself as JSON."""
        return self.words or json.dumps(self.value, ensure_ascii=False)


def _faults(error: ValueError) -> str:
    listed = getattr(error, "errors", None)
    if listed is None:
        return str(error)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}" for fault in listed())
