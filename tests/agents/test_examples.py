"""The examples run, with scripted models in the place of real ones."""

import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from hubbub.agents import AgentBase
from hubbub.agents.testing import ScriptedCall, ScriptedModel, use

EXAMPLES = Path(__file__).parents[2] / "examples" / "agents"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AgentBase, "set_console_output_enabled", lambda self, enabled: None)


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def speaks(call: ScriptedCall) -> Any:
    """Says who it is, by its system prompt."""
    return f"I am {call.messages[0]['name']}."


async def test_conversation() -> None:
    said = [(m.name, m.get_text_content()) for m in await example("conversation").main(ScriptedModel(then=speaks))]
    assert said == [
        ("host", "Carol has come in."), ("Alice", "I am Alice."), ("Bob", "I am Bob."), ("Carol", "I am Carol."),
        ("host", "Bob had to leave."), ("Alice", "I am Alice."), ("Carol", "I am Carol."),
    ]  # fmt: skip


async def test_debate() -> None:
    judge = ScriptedModel([[use("generate_response", finished=False)], [use("generate_response", finished=True, answer="4")]])
    model = ScriptedModel(then=speaks)
    assert await example("debate").main(model, judge) == "4"
    assert len(model.calls) == 4 and "I am Bob." in judge.calls[1].text
    assert "generate_response" not in str([call.messages for call in model.calls])  # the debaters do not hear the judgement
    never = ScriptedModel(then=[use("generate_response", finished=False)])
    assert await example("debate").main(ScriptedModel(then=speaks), never, rounds=2) is None


async def test_routing() -> None:
    model = ScriptedModel([[use("generate_response", to="complaints", task="Comfort the guest.")]], then=speaks)
    answer = await example("routing").main(model)
    assert answer.name == "complaints" and "cold all night" in model.calls[1].text


async def test_handoff() -> None:
    def answers(call: ScriptedCall) -> Any:
        if call.messages[0]["name"] != "leader":
            return speaks(call)
        if any(m["role"] == "tool" for m in call.messages):
            return "Soup for 30 euros."
        return [use("ask_cook", task="dishes"), use("ask_accountant", task="costs")]

    model = ScriptedModel(then=answers)
    assert (await example("handoff").main(model)).get_text_content() == "Soup for 30 euros."
    assert sorted(m["content"] for m in model.calls[-1].messages if m["role"] == "tool") == ["I am accountant.", "I am cook."]


async def test_structured_output() -> None:
    wrong = use("generate_response", name="Ada", born=1815, known_for=[])
    right = use("generate_response", name="Ada", born=1815, known_for=["the first program"])
    person = await example("structured_output").main(ScriptedModel([[wrong], [right]]))
    assert person.born == 1815


@pytest.mark.parametrize(("word", "told"), [("yes", "Eve got 20.00 euros."), ("no, not Eve", "no, not Eve")])
async def test_human_in_the_loop(word: str, told: str) -> None:
    model = ScriptedModel([[use("transfer", to="Eve", euros=20)], lambda call: call.messages[-1]["content"]])
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return word

    message = await example("human_in_the_loop").main(model, ask)
    assert told in message.get_text_content() and "Eve" in asked[0]


async def test_any_framework() -> None:
    said = [m.get_text_content() for m in await example("any_framework").main(ScriptedModel(then=speaks))]
    assert said == ["Say hello.", "I am Ada.", "Ada: I am Ada. ", "I am Ada.", "I am Ada. "]


def player(seed: int) -> Any:
    """Plays Werewolves at random, by the rules of the schema."""
    rng = random.Random(seed)

    def answers(call: ScriptedCall) -> Any:
        if "generate_response" not in call.tool_names:
            return speaks(call)
        fields = call.tools[-1]["function"]["parameters"]["properties"]  # type: ignore[index]
        if "yes" in fields:
            return [use("generate_response", yes=rng.random() < 0.5)]
        names = fields["name"].get("enum") or [fields["name"]["const"]]
        return [use("generate_response", name=rng.choice(names))]

    return answers


@pytest.mark.parametrize("seed", range(6))
async def test_werewolves(seed: int) -> None:
    game = await example("werewolves").main(ScriptedModel(then=player(seed)), seed, tell=lambda text: None)
    assert len(game.players) == 9 and sorted(p.role for p in game.players).count("werewolf") == 3
    winner = game.winner()
    assert game.log[-1] == f"The game is over. Winner: {winner}."
    assert winner == "village" or len(game.living("werewolf")) * 2 >= len(game.living())
    dead = [p for p in game.players if not p.alive]
    assert all(sum(line == f"{p.name} is dead." for line in game.log) == 1 for p in dead)
    for one in game.players:
        heard = repr(one.agent.memory.messages())
        assert ("[Only werewolves" in heard) == (one.role == "werewolf")
        assert ("Only you" in heard) <= (one.role in ("seer", "witch"))
        if not one.alive:  # the dead hear no more
            last = game.log.index(f"{one.name} is dead.")
            assert not any(line in heard for line in game.log[last + 1 :] if line.endswith(" is dead."))


async def test_mcp_tools() -> None:
    pytest.importorskip("mcp", reason="the MCP SDK is not installed")
    server = Path(__file__).parent / "servers" / "mcp_server.py"
    model = ScriptedModel([[use("add", a=1, b=2)], lambda call: f"It is {call.messages[-1]['content']}."])
    by_hand, answer = await example("mcp_tools").main(model, sys.executable, [str(server)], ["add"])
    assert by_hand == "42" and answer.get_text_content() == "It is 3."
    assert model.calls[0].tool_names == ["add"]


NO_MODEL = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DASHSCOPE_API_KEY", "OLLAMA_HOST")
WITHOUT_A_MODEL = {
    "any_framework": "", "conversation": "", "debate": "The answer: 4", "handoff": "", "human_in_the_loop": "I will send it.",
    "mcp_tools": "By hand: 42", "routing": "", "structured_output": '"born": 1815', "werewolves": "The game is over.",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem not in ("stand_in", "mcp_server")))
async def test_an_example_shows_something_where_there_is_no_model(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "mcp_tools":
        pytest.importorskip("mcp", reason="the MCP SDK is not installed")
    for variable in NO_MODEL:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.setattr("builtins.input", lambda question: "yes")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = example(name)
    if name == "human_in_the_loop":
        monkeypatch.setattr(module.main, "__defaults__", (lambda question: "yes",))
    await module.start()
    assert WITHOUT_A_MODEL[name] in capsys.readouterr().out
