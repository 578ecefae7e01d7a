"""What every chat model keeps to, run through the providers' real packages against a local server that speaks their wire form."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio
from hubbub.agents import Msg, ReActAgent
from hubbub.agents.model.base import ChatModelBase, ChatModelError, ChatUsage, TextDelta, ThinkingDelta, ToolCallDelta
from hubbub.agents.model.retry import NO_RETRY
from hubbub.agents.tool import Toolkit
from wire_chat import KEY, PRICE, QUICK, WIRES, DashScopeWire, OpenAIWire
from wire_http import Answer, Exchange, WireServer

HELLO = [{"role": "system", "content": "You are Ada."}, {"role": "user", "content": "hello"}]
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "clock", "description": "d", "parameters": {"type": "object", "properties": {}}}},
]
Wire = OpenAIWire | DashScopeWire


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    pytest.importorskip("openai" if request.param.name == "openai" else "dashscope")
    return request.param


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WireServer]:
    server = WireServer()
    server.address = await server.start()  # type: ignore[attr-defined]
    yield server
    await server.close()


@pytest_asyncio.fixture(autouse=True)
async def no_pool_left() -> AsyncIterator[None]:
    """The dashscope package keeps one connection pool for a loop; it ends with the test."""
    yield
    if importlib.util.find_spec("dashscope") is not None:
        from dashscope.api_entities.aio_session import close_shared_aio_session

        await close_shared_aio_session()


def saying(*events: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream()
        for event in events:
            await exchange.send(event)
        await exchange.end()

    return answer


def refusing(status: int, body: Any, **headers: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.refuse(status, body, **headers)

    return answer


async def ask(model: ChatModelBase, **options: Any) -> list[Any]:
    async with aclosing(model.stream(HELLO, **options)) as deltas:
        return [delta async for delta in deltas]


def texts(deltas: list[Any]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_an_answer_streams_word_by_word_with_usage_and_cost_at_its_end(wire: Wire, server: WireServer) -> None:
    server.answers = [saying(wire.text("Good "), wire.text("evening, 世界."), wire.finish(), wire.end)]
    deltas = await ask(wire.model(server.address, price=PRICE))
    assert [delta.text for delta in deltas[:-1]] == ["Good ", "evening, 世界."]
    assert deltas[-1] == ChatUsage(11, 7, pytest.approx((11 * 2 + 7 * 10) / 1e6), wire.model(server.address).name)
    (exchange,) = server.exchanges
    assert exchange.path == wire.path
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    said = wire.messages(exchange.body)
    assert [message["role"] for message in said] == ["system", "user"]
    expected: Any = [{"text": "hello"}] if wire.name == "dashscope-vl" else "hello"
    assert said[1]["content"] == expected


async def test_the_first_words_come_before_the_last_are_written(wire: Wire, server: WireServer) -> None:
    heard = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.send(wire.text("One"))
        await heard.wait()  # a model that held its words back would wait here forever
        await exchange.send(wire.text(" two") + wire.finish() + wire.end)
        await exchange.end()

    server.answers = [answer]
    said = ""
    async with asyncio.timeout(10), aclosing(wire.model(server.address).stream(HELLO)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                said += delta.text
                heard.set()
    assert said == "One two"


async def test_events_may_be_cut_anywhere_on_their_way(wire: Wire, server: WireServer) -> None:
    whole = wire.text("Grüße, ") + wire.text("世界") + wire.finish() + wire.end

    async def answer(exchange: Exchange) -> None:
        await exchange.stream()
        for at in range(0, len(whole), 7):
            await exchange.send(whole[at : at + 7])
        await exchange.end()

    server.answers = [answer]
    assert texts(await ask(wire.model(server.address))) == "Grüße, 世界"


async def test_tool_calls_come_in_fragments_that_add_up(wire: Wire, server: WireServer) -> None:
    server.answers = [
        saying(
            wire.call(0, "call_1", "weather", ""), wire.call(0, "", "", '{"city": '), wire.call(0, "", "", '"Oslo"}'),
            wire.call(1, "call_2", "clock", "{}"), wire.finish("tool_calls"), wire.end,
        )
    ]  # fmt: skip
    deltas = [d for d in await ask(wire.model(server.address), tools=TOOLS, tool_choice="auto") if isinstance(d, ToolCallDelta)]
    calls: dict[int, list[str]] = {}
    for delta in deltas:
        call = calls.setdefault(delta.index, ["", "", ""])
        for place, piece in enumerate((delta.id, delta.name, delta.arguments)):
            call[place] += piece
    assert calls == {0: ["call_1", "weather", '{"city": "Oslo"}'], 1: ["call_2", "clock", "{}"]}
    options = wire.options(server.exchanges[0].body)
    assert options["tools"] == TOOLS
    assert options["tool_choice"] == "auto"


async def test_a_tool_can_be_demanded_by_name_and_an_unknown_one_is_refused(wire: Wire, server: WireServer) -> None:
    server.answers = [saying(wire.text("x"), wire.finish(), wire.end)]
    await ask(wire.model(server.address), tools=TOOLS, tool_choice="clock")
    assert wire.options(server.exchanges[0].body)["tool_choice"] == {"type": "function", "function": {"name": "clock"}}
    with pytest.raises(ValueError, match="weather"):
        await ask(wire.model(server.address), tools=TOOLS, tool_choice="nonsense")


async def test_thinking_is_told_apart_from_words(wire: Wire, server: WireServer) -> None:
    server.answers = [saying(wire.thinking("hm, "), wire.thinking("hello?"), wire.text("Hello."), wire.finish(), wire.end)]
    deltas = await ask(wire.model(server.address))
    assert "".join(delta.text for delta in deltas if isinstance(delta, ThinkingDelta)) == "hm, hello?"
    assert texts(deltas) == "Hello."


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_passing_failure_is_tried_again(wire: Wire, server: WireServer, status: int) -> None:
    server.answers = [refusing(status, wire.refusal("busy")), saying(wire.text("Here I am."), wire.finish(), wire.end)]
    assert texts(await ask(wire.model(server.address))) == "Here I am."
    assert len(server.exchanges) == 2


async def test_a_failure_that_does_not_pass_is_reported_after_the_last_try(wire: Wire, server: WireServer) -> None:
    server.answers = [refusing(500, wire.refusal("broken"))]
    with pytest.raises(ChatModelError) as caught:
        await ask(wire.model(server.address))
    assert (caught.value.transient, caught.value.status) == (True, 500)
    assert len(server.exchanges) == QUICK.attempts


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_is_not_tried_again_and_shows_no_key(wire: Wire, server: WireServer, status: int) -> None:
    server.answers = [refusing(status, wire.refusal(f"bad key {KEY}"))]
    model = wire.model(server.address)
    with pytest.raises(ChatModelError) as caught:
        await ask(model)
    assert (caught.value.transient, caught.value.status, len(server.exchanges)) == (False, status, 1)
    assert model.name in str(caught.value)
    assert KEY not in f"{caught.value!r} {model!r} {caught.value.__cause__!r}"
    if status == 401:
        assert "_API_KEY" in str(caught.value)


async def test_retry_after_is_obeyed_and_a_wait_beyond_the_deadline_is_not_begun(wire: Wire, server: WireServer) -> None:
    server.answers = [refusing(429, wire.refusal("slow down"), retry_after="3600")]
    async with asyncio.timeout(10):
        with pytest.raises(ChatModelError) as caught:
            await ask(wire.model(server.address))
    assert (caught.value.retry_after_s, caught.value.transient, len(server.exchanges)) == (3600.0, True, 1)


async def test_a_stream_that_is_cut_keeps_its_words_and_raises(wire: Wire, server: WireServer) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.send(wire.text("Half an "))
        await asyncio.sleep(0.01)
        exchange.cut()

    server.answers = [answer]
    said = ""
    with pytest.raises(ChatModelError) as caught:
        async with aclosing(wire.model(server.address).stream(HELLO)) as deltas:
            async for delta in deltas:
                said += delta.text
    assert (said, caught.value.transient) == ("Half an ", True)
    assert len(server.exchanges) == 1  # words that were spoken are not begun anew


async def test_a_stream_that_ends_without_its_end_is_an_error(wire: Wire, server: WireServer) -> None:
    server.answers = [saying(wire.text("Half an "))]
    with pytest.raises(ChatModelError, match="broke off"):
        await ask(wire.model(server.address, retry=NO_RETRY))


async def test_a_failure_in_the_middle_of_the_stream_is_raised_without_the_key(wire: Wire, server: WireServer) -> None:
    server.answers = [saying(wire.text("Well, "), wire.failure())]
    with pytest.raises(ChatModelError) as caught:
        await ask(wire.model(server.address))
    assert caught.value.transient
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("kind", ["malformed", "nonsense"])
async def test_what_cannot_be_understood_is_an_error_and_no_crash(wire: Wire, server: WireServer, kind: str) -> None:
    server.answers = [saying(wire.text("Well, "), getattr(wire, kind)(), wire.finish(), wire.end)]
    with pytest.raises(ChatModelError):
        await ask(wire.model(server.address))


async def test_a_provider_that_hangs_is_given_up(wire: Wire, server: WireServer) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.send(wire.text("Well, "))
        await exchange.hung_up.wait()

    server.answers = [answer]
    with pytest.raises(ChatModelError) as caught:
        await ask(wire.model(server.address, timeout_s=0.1))
    assert caught.value.transient


async def test_a_server_that_is_not_there_is_an_error(wire: Wire, server: WireServer) -> None:
    model = wire.model(server.address, retry=NO_RETRY)
    await server.close()
    with pytest.raises(ChatModelError) as caught:
        await ask(model)
    assert caught.value.transient


@pytest.mark.parametrize("how", ["close the stream", "cancel the task"])
async def test_the_connection_is_closed_at_once_when_nobody_listens_any_more(wire: Wire, server: WireServer, how: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.stream()
        while True:
            await exchange.send(wire.text("on and on "))
            await asyncio.sleep(0.005)

    server.answers = [answer]
    begun = asyncio.Event()

    async def listen() -> None:
        async with aclosing(wire.model(server.address).stream(HELLO)) as deltas:
            async for _ in deltas:
                begun.set()
                if how == "close the stream":
                    return

    async with asyncio.timeout(10):
        listener = asyncio.create_task(listen())
        await begun.wait()
        if how == "cancel the task":
            listener.cancel()
        await asyncio.wait({listener})
        await server.exchanges[0].hung_up.wait()


async def test_cancelling_before_the_answer_begins_closes_the_connection_too(wire: Wire, server: WireServer) -> None:
    asked = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        asked.set()
        await exchange.hung_up.wait()

    server.answers = [answer]
    async with asyncio.timeout(10):
        listener = asyncio.create_task(ask(wire.model(server.address)))
        await asked.wait()
        listener.cancel()
        await asyncio.wait({listener})
        assert listener.cancelled()
        await server.exchanges[0].hung_up.wait()


async def test_a_schema_goes_to_openai_as_a_response_format(server: WireServer) -> None:
    pytest.importorskip("openai")
    wire = OpenAIWire()
    server.answers = [saying(wire.text("{}"), wire.finish(), wire.end)]
    schema = {"title": "Trip", "type": "object", "properties": {"city": {"type": "string"}}}
    model = wire.model(server.address)
    assert model.supports_response_schema
    await ask(model, response_schema=schema)
    sent = server.exchanges[0].body
    assert sent["response_format"]["json_schema"] == {"name": "Trip", "schema": schema, "strict": True}
    assert sent["stream_options"] == {"include_usage": True}


async def test_structured_output_is_held_to_its_schema_by_openai_or_else_asked_for_as_a_tool(server: WireServer) -> None:
    pytest.importorskip("openai")
    wire = OpenAIWire()
    schema = {"type": "object", "properties": {"born": {"type": "integer", "minimum": 1}}, "required": ["born"]}
    right = '{"born": 1815, "response": "In 1815."}'
    server.answers = [
        saying(wire.text(right[:9]), wire.text(right[9:]), wire.finish(), wire.end),
        refusing(400, wire.refusal("response_format is not supported")),
        saying(wire.call(0, "call_1", "generate_response", right), wire.finish("tool_calls"), wire.end),
        saying(wire.call(0, "call_2", "generate_response", right), wire.finish("tool_calls"), wire.end),
    ]
    agent = ReActAgent("Ada", "", wire.model(server.address))
    for _ in range(3):
        reply = await agent.reply(Msg("Anna", "when?", "user"), structured_model=schema)
        assert (reply.metadata, reply.get_text_content()) == ({"born": 1815}, "In 1815.")
    first, refused, by_tool, next_time = (exchange.body for exchange in server.exchanges)
    held = first["response_format"]["json_schema"]
    assert held["strict"] and held["schema"]["required"] == ["born", "response"]
    assert held["schema"]["additionalProperties"] is False and "minimum" not in str(held["schema"])
    assert "tools" not in first and "response_format" in refused
    for body in (by_tool, next_time):
        assert "response_format" not in body and body["tool_choice"] == "required"


async def test_the_key_of_the_environment_goes_to_no_other_server(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    from hubbub.agents.model.openai import OpenAIChatModel

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    wire = OpenAIWire()
    server.answers = [saying(wire.text("x"), wire.finish(), wire.end)]
    await ask(OpenAIChatModel("llama", base_url=f"{server.address}/v1"))
    assert KEY not in str(server.exchanges[0].headers)


async def test_dashscope_is_asked_for_a_lone_tool_by_name_as_it_knows_no_required(server: WireServer) -> None:
    pytest.importorskip("dashscope")
    wire = DashScopeWire()
    server.answers = [saying(wire.text("x"), wire.finish(), wire.end)]
    await ask(wire.model(server.address), tools=TOOLS[:1], tool_choice="required")
    await ask(wire.model(server.address), tools=TOOLS, tool_choice="required")
    first, second = (wire.options(exchange.body)["tool_choice"] for exchange in server.exchanges)
    assert (first, second) == ({"type": "function", "function": {"name": "weather"}}, "auto")


async def test_an_agent_uses_a_tool_and_answers(wire: Wire, server: WireServer) -> None:
    def weather(city: str) -> str:
        """Tells the weather.

        Args:
            city: Where.
        """
        return f"{city}: 4 degrees"

    server.answers = [
        saying(wire.call(0, "call_1", "weather", '{"city": "Oslo"}'), wire.finish("tool_calls"), wire.end),
        saying(wire.text("It is cold."), wire.finish(), wire.end),
    ]
    agent = ReActAgent("Ada", "You are Ada.", wire.model(server.address), toolkit=Toolkit([weather]))
    reply = await agent.reply(Msg("Anna", "how is Oslo?", "user"))
    assert reply.get_text_content() == "It is cold."
    *_, asked, answered = wire.messages(server.exchanges[1].body)
    assert asked["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}
    assert (answered["role"], answered["tool_call_id"]) == ("tool", "call_1")
    assert "4 degrees" in str(answered["content"])
