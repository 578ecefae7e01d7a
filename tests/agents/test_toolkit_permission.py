"""Permission rules: which calls run, which are refused, which are put to a person."""

import pytest
from hubbub.agents.message import ToolUseBlock
from hubbub.agents.tool import PermissionRule, Permissions, ToolFlags, Toolkit
from hypothesis import given, settings
from hypothesis import strategies as st


def write_file(path: str, text: str = "", options: dict | None = None) -> str:
    """Writes."""
    return f"written {path}"


def delete_all() -> str:
    """Deletes."""
    return "gone"


def toolkit_of(*rules, otherwise="allow"):
    toolkit = Toolkit([write_file], permissions=Permissions(rules, otherwise))
    toolkit.register_tool_function(delete_all, flags=ToolFlags(requires_confirmation=True))
    return toolkit


def decision(toolkit, name, /, **arguments):
    return toolkit.decide(ToolUseBlock("1", name, arguments))


async def run(toolkit, name, /, *, state="pending", **arguments):
    call = ToolUseBlock("1", name, arguments, state=state)
    [chunk] = [chunk async for chunk in toolkit.call(call)]
    return chunk.state, chunk.content[0].text


RULES = (
    PermissionRule("write_file", "deny", {"path": "*.key"}, reason="keys are not ours to touch"),
    PermissionRule("write_file", "allow", {"path": "drafts/*"}),
    PermissionRule("write_file", "ask"),
)


async def test_first_rule_that_matches_decides():
    toolkit = toolkit_of(*RULES)
    assert decision(toolkit, "write_file", path="drafts/a.txt").behavior == "allow"
    assert decision(toolkit, "write_file", path="drafts/a.key").behavior == "deny"
    assert decision(toolkit, "write_file", path="b.txt").behavior == "ask"
    assert await run(toolkit, "write_file", path="drafts/a.txt") == ("success", "written drafts/a.txt")
    state, text = await run(toolkit, "write_file", path="a.key")
    assert state == "denied" and "keys are not ours to touch" in text


async def test_what_must_be_asked_runs_only_with_consent():
    toolkit = toolkit_of(*RULES)
    state, text = await run(toolkit, "write_file", path="b.txt")
    assert state == "denied" and "agree" in text
    assert (await run(toolkit, "write_file", state="allowed", path="b.txt"))[0] == "success"
    # Consent does not lift a refusal.
    assert (await run(toolkit, "write_file", state="allowed", path="b.key"))[0] == "denied"


async def test_the_flag_asks_unless_a_rule_speaks():
    assert decision(toolkit_of(), "delete_all").behavior == "ask"
    assert decision(Toolkit([delete_all]), "delete_all").behavior == "allow"
    assert decision(toolkit_of(PermissionRule("delete_*", "allow")), "delete_all").behavior == "allow"
    assert decision(toolkit_of(otherwise="deny"), "delete_all").behavior == "deny"
    without_rules = Toolkit()
    without_rules.register_tool_function(delete_all, flags=ToolFlags(requires_confirmation=True))
    assert (await run(without_rules, "delete_all"))[0] == "denied"
    assert (await run(without_rules, "delete_all", state="allowed"))[0] == "success"


async def test_suggested_rules_allow_exactly_that_or_all():
    toolkit = toolkit_of(PermissionRule("write_file", "ask"))
    asked = decision(toolkit, "write_file", path="a*.txt", text="x")
    exact, anything = asked.suggested_rules
    toolkit.permissions.add(exact)
    assert decision(toolkit, "write_file", path="a*.txt", text="x").behavior == "allow"
    assert decision(toolkit, "write_file", path="a1.txt", text="x").behavior == "ask", "a star is a star"
    assert decision(toolkit, "write_file", path="a*.txt", text="x", options={"f": 1}).behavior == "ask"
    toolkit.permissions.add(anything)
    assert decision(toolkit, "write_file", path="b").behavior == "allow"


async def test_nobody_is_asked_about_a_call_that_cannot_run():
    toolkit = toolkit_of(PermissionRule("*", "ask"))
    assert decision(toolkit, "write_file").behavior == "allow"
    state, text = await run(toolkit, "write_file")
    assert state == "error" and "'path' is a required property" in text
    assert decision(toolkit, "nothing").behavior == "allow"


async def test_rules_see_repaired_arguments():
    toolkit = toolkit_of(*RULES)
    call = ToolUseBlock("1", "write_file", {}, '{"path": "a.key"')
    assert toolkit.decide(call).behavior == "deny"


async def test_rules_hold_for_what_middleware_changes():
    async def swaps(kwargs, next_handler):
        async for chunk in next_handler(tool_call=ToolUseBlock("1", "write_file", {"path": "a.key"})):
            yield chunk

    toolkit = toolkit_of(*RULES)
    toolkit.register_middleware(swaps)
    assert (await run(toolkit, "write_file", path="drafts/a"))[0] == "denied"


def test_patterns_for_values_that_are_no_text():
    rule = PermissionRule("write_file", "allow", {"options.mode": "6*", "options.force": "false"})
    assert rule.matches("write_file", {"options": {"mode": 644, "force": False}})
    assert not rule.matches("write_file", {"options": {"mode": 644, "force": True}})
    assert not rule.matches("write_file", {"options": {"mode": 644}})
    assert not rule.matches("write_file", {"options": 7})


def test_leaving_an_argument_out_is_no_way_around_a_refusal():
    assert PermissionRule("t", "deny", {"path": "*"}).matches("t", {})
    assert not PermissionRule("t", "allow", {"path": "*"}).matches("t", {})


def test_rules_are_state():
    toolkit = toolkit_of(*RULES)
    other = toolkit_of()
    other.load_state_dict(toolkit.state_dict())
    assert other.permissions.rules == list(RULES)
    for wrong in ({"tool": "t"}, {"behavior": "allow"}, {"tool": "t", "behavior": "maybe"}, {**RULES[0].to_dict(), "x": 1}):
        with pytest.raises(ValueError, match="rule"):
            PermissionRule.from_dict(wrong)


behaviors = st.sampled_from(["allow", "deny", "ask"])
rules = st.builds(
    PermissionRule,
    st.sampled_from(["write_file", "write_*", "*", "other"]),
    behaviors,
    st.dictionaries(st.sampled_from(["path", "text"]), st.sampled_from(["*", "a*", "b"]), max_size=2),
    st.just(""),
    st.booleans(),
)


@settings(deadline=None)  # how long an example takes says nothing on a busy machine
@given(st.lists(rules, max_size=4), behaviors, st.fixed_dictionaries({"path": st.sampled_from(["a", "b", "c"])}))
def test_a_denial_in_front_always_denies(others, otherwise, arguments):
    permissions = Permissions([PermissionRule("write_file", "deny"), *others], otherwise)
    assert permissions.decide("write_file", arguments, ToolFlags()).behavior == "deny"


@settings(deadline=None)  # how long an example takes says nothing on a busy machine
@given(st.lists(rules, max_size=4), st.fixed_dictionaries({"path": st.sampled_from(["a", "b", "c"])}))
def test_consent_to_the_suggestion_is_not_asked_for_again(others, arguments):
    permissions = Permissions(others, "ask")
    first = permissions.decide("write_file", arguments, ToolFlags())
    if first.behavior == "ask":
        permissions.add(first.suggested_rules[0])
        assert permissions.decide("write_file", arguments, ToolFlags()).behavior == "allow"
