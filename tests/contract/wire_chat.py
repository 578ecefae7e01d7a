"""The wire forms of the chat providers, so that one suite can be run on all of them."""

import json
from typing import Any

from hubbub.agents.model.base import ChatModelBase, Price
from hubbub.agents.model.retry import RetryPolicy

KEY = "sk-a-key-that-must-not-leak"
QUICK = RetryPolicy(attempts=3, deadline_s=5.0, first_delay_s=0.001, max_delay_s=0.002)


class OpenAIWire:
    """Server-sent events of `/chat/completions`."""

    name = "openai"
    path = "/v1/chat/completions"
    end = "data: [DONE]\n\n"

    def model(self, address: str, **options: Any) -> ChatModelBase:
        from hubbub.agents.model.openai import OpenAIChatModel

        return OpenAIChatModel("gpt-test", KEY, f"{address}/v1", **{"retry": QUICK, **options})

    def messages(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        return body["messages"]

    def options(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def text(self, text: str) -> str:
        return self._chunk({"content": text})

    def thinking(self, text: str) -> str:
        return self._chunk({"reasoning_content": text})

    def call(self, index: int, id: str, name: str, arguments: str) -> str:
        function = {"arguments": arguments} | ({"name": name} if name else {})
        call: dict[str, Any] = {"index": index, "function": function} | ({"id": id, "type": "function"} if id else {})
        return self._chunk({"tool_calls": [call]})

    def finish(self, reason: str = "stop") -> str:
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return self._chunk({}, reason) + self._data({**self._frame(), "choices": [], "usage": usage})

    def malformed(self) -> str:
        return 'data: {"id": "c", "choices": [{"del\n\n'

    def nonsense(self) -> str:
        return 'data: {"id": "c", "choices": "none of your business"}\n\n'

    def failure(self) -> str:
        return self._data({"error": {"message": f"overloaded, {KEY}", "type": "server_error", "code": "x"}})

    def refusal(self, message: str) -> Any:
        return {"error": {"message": message, "type": "invalid_request_error", "code": "bad"}}

    def _frame(self) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-test"}

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> str:
        return self._data({**self._frame(), "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None})

    def _data(self, value: Any) -> str:
        return f"data: {json.dumps(value)}\n\n"


class DashScopeWire:
    """Server-sent events of `…/text-generation/generation`."""

    name = "dashscope"
    path = "/api/v1/services/aigc/text-generation/generation"
    model_name = "qwen-test"
    end = ""

    def model(self, address: str, **options: Any) -> ChatModelBase:
        from hubbub.agents.model.dashscope import DashScopeChatModel

        return DashScopeChatModel(self.model_name, KEY, f"{address}/api/v1", **{"retry": QUICK, **options})

    def messages(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        return body["input"]["messages"]

    def options(self, body: dict[str, Any]) -> dict[str, Any]:
        return body["parameters"]

    def text(self, text: str) -> str:
        return self._event({"role": "assistant", "content": text})

    def thinking(self, text: str) -> str:
        return self._event({"role": "assistant", "content": "", "reasoning_content": text})

    def call(self, index: int, id: str, name: str, arguments: str) -> str:
        function = {"arguments": arguments} | ({"name": name} if name else {})
        calls = [{"index": index, "id": id, "type": "function", "function": function}]
        return self._event({"role": "assistant", "content": "", "tool_calls": calls})

    def finish(self, reason: str = "stop") -> str:
        return self._event({"role": "assistant", "content": ""}, reason, output_tokens=7)

    def malformed(self) -> str:
        return 'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"output": {"choi\n\n'

    def nonsense(self) -> str:
        return 'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"output": {"choices": "none of your business"}}\n\n'

    def failure(self) -> str:
        data = {"code": "Throttling.RateQuota", "message": f"slow down, {KEY}", "request_id": "r"}
        return f"id:9\nevent:error\n:HTTP_STATUS/429\ndata:{json.dumps(data)}\n\n"

    def refusal(self, message: str) -> Any:
        return {"code": "InvalidParameter", "message": message, "request_id": "r"}

    def _event(self, message: dict[str, Any], reason: str = "null", output_tokens: int = 1) -> str:
        usage = {"input_tokens": 11, "output_tokens": output_tokens, "total_tokens": 11 + output_tokens}
        data = {"output": {"choices": [{"message": message, "finish_reason": reason}]}, "usage": usage, "request_id": "r"}
        return f"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(data)}\n\n"


class DashScopeVisionWire(DashScopeWire):
    """Server-sent events of `…/multimodal-generation/generation`: content is a list of parts, also in answers."""

    name = "dashscope-vl"
    path = "/api/v1/services/aigc/multimodal-generation/generation"
    model_name = "qwen-vl-test"

    def text(self, text: str) -> str:
        return self._event({"role": "assistant", "content": [{"text": text}]})


WIRES = (OpenAIWire(), DashScopeWire(), DashScopeVisionWire())
PRICE = Price(input_per_million=2.0, output_per_million=10.0)
