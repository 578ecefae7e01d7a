"""A script that plays the model in these examples where there is no language model: they then show how things go, not how clever
a model is. (The embedded model, which takes a model's place in voice rooms, knows neither tools nor structured output.)
"""

import json
import random
import sys
from typing import Any

from hubbub.agents import ChatModelBase, detect_model
from hubbub.agents.testing import ScriptedCall, ScriptedModel, Use, use

rng = random.Random(3)


async def model_for(example: str) -> ChatModelBase:
    """The language model that is at hand, else the script for this example."""
    model = (await detect_model()).model
    if model.provider != "embedded":
        return model
    note = "No language model was found, so a script plays it. Set OPENAI_API_KEY or DASHSCOPE_API_KEY, or start Ollama."
    print(f"({note})\n", file=sys.stderr)
    return ScriptedModel(then=SCRIPTS[example], name="script", delay_s=0.01)


def _conversation(call: ScriptedCall) -> Any:
    name = call.messages[0]["name"]
    lines = {
        "Alice": ["I paint with the children next door.", "Carol, you came just in time!", "Poor Bob. More cake for us, Carol."],
        "Bob": ["I repair clocks. They never complain.", "Alice paints, I repair. And you, Carol?"],
        "Carol": ["I walk until my phone has no signal, Bob.", "Then I shall paint with you, Alice."],
    }[name]
    spoken = sum(m["name"] == name for m in call.messages[1:])
    return lines[min(spoken, len(lines) - 1)]


def _debate(call: ScriptedCall) -> Any:
    name, again = call.messages[0]["name"], any(m["name"] == "Bob" for m in call.messages[1:])
    if name == "Moderator":
        found = "four times" in call.text.split("Moderator:")[-1]
        return [use("generate_response", finished=found, **({"answer": "4"} if found else {}))]
    if name == "Alice":
        return "You are right, Bob: the centre of A goes once around a circle of four radii. So it turns four times." if again else (
            "The way around B is three times the way around A, so A turns three times."
        )  # fmt: skip
    if again:
        return "Agreed: three for the rolling, one for going around."
    return "No: going around B turns A once more, even without rolling."


def _routing(call: ScriptedCall) -> Any:
    if "generate_response" in call.tool_names:
        return [use("generate_response", to="complaints", task="Comfort the guest, and have the heating repaired.")]
    return "I am sorry that you were cold. The heating will be repaired this morning, and the night is on us."


def _handoff(call: ScriptedCall) -> Any:
    if call.messages[0]["name"] == "cook":
        return "Onion soup, roast chicken with potatoes, apple tart."
    if call.messages[0]["name"] == "accountant":
        return "For six people about 55 euros."
    if call.messages[-1]["role"] == "tool":
        return "Onion soup, roast chicken and apple tart for six; count on 55 euros."
    task = "A dinner of three courses for six"
    return ["I ask the cook and the accountant. ", use("ask_cook", task=task), use("ask_accountant", task=task)]


def _structured_output(call: ScriptedCall) -> Any:
    known = ["the first published program", "seeing what computers might do"]
    if call.messages[-1]["role"] == "tool":
        return [use("generate_response", name="Ada Lovelace", born=1815, known_for=known)]
    return [use("generate_response", name="Ada Lovelace", born="in 1815", known_for=known)]  # does not fit, and is asked again


def _human_in_the_loop(call: ScriptedCall) -> Any:
    if call.messages[-1]["role"] == "tool":
        return f"The bank says: {call.messages[-1]['content']}"
    return ["I will send it. ", use("transfer", to="Eve", euros=20)]


def _any_framework(call: ScriptedCall) -> Any:
    return "Hello." if len(call.messages) < 3 else "Hello again, Parrot."


def _mcp_tools(call: ScriptedCall) -> Any:
    return f"1 + 2 is {call.messages[-1]['content']}." if call.messages[-1]["role"] == "tool" else [use("add", a=1, b=2)]


def _werewolves(call: ScriptedCall) -> Any:
    if "generate_response" not in call.tool_names:
        others = sorted({m["name"] for m in call.messages if m["name"].startswith("Player")} - {call.messages[0]["name"]})
        if not others:
            return "I know nothing yet."
        whom = rng.choice(others)
        return rng.choice([f"I would watch {whom}.", f"{whom} was very quiet.", "I am only a villager.", f"Why should it be {whom}?"])
    fields: dict[str, Any] = (call.tools or [])[-1]["function"]["parameters"]["properties"]
    if "yes" in fields:
        return [use("generate_response", yes=rng.random() < 0.5)]
    names = fields["name"].get("enum") or [fields["name"]["const"]]
    return [Use("generate_response", json.dumps({"name": rng.choice(names)}))]


SCRIPTS = {
    "any_framework": _any_framework, "conversation": _conversation, "debate": _debate, "handoff": _handoff,
    "human_in_the_loop": _human_in_the_loop, "mcp_tools": _mcp_tools, "routing": _routing,
    "structured_output": _structured_output, "werewolves": _werewolves,
}  # fmt: skip
