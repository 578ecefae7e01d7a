"""Prompts for OpenAI's and DashScope's APIs."""

import pytest
from hubbub.agents.formatter import (
    DashScopeChatFormatter,
    DashScopeMultiAgentFormatter,
    OpenAIChatFormatter,
    OpenAIMultiAgentFormatter,
    estimated_tokens,
    truncated,
    units,
)
from hubbub.agents.message import (
    AudioBlock,
    Base64Source,
    HintBlock,
    ImageBlock,
    Msg,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    URLSource,
    VideoBlock,
)
from hypothesis import given
from hypothesis import strategies as st

SYSTEM = Msg("system", "You are Ada.", "system")
IMAGE = ImageBlock(Base64Source("QUJD", "image/png"))


def call(id: str, name: str = "look") -> ToolUseBlock:
    return ToolUseBlock(id, name, {"city": "Oslo"})


def result(id: str, output: object = "cold", name: str = "look") -> Msg:
    return Msg("system", [ToolResultBlock(id, name, output)], "system")  # type: ignore[arg-type]


async def test_one_person_and_one_agent_are_plain_turns_in_both_formatters() -> None:
    msgs = [SYSTEM, Msg("Anna", "hello", "user"), Msg("Ada", "Hi.", "assistant"), Msg("Anna", "bye", "user")]
    expected = [
        {"role": "system", "content": "You are Ada."}, {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "bye"},
    ]  # fmt: skip
    for formatter in (OpenAIChatFormatter(), OpenAIMultiAgentFormatter(), DashScopeChatFormatter(), DashScopeMultiAgentFormatter()):
        assert await formatter.format(msgs) == expected


async def test_calls_and_results_stay_together_and_in_order_and_thinking_is_not_shown() -> None:
    reply = Msg("Ada", [ThinkingBlock("secret"), TextBlock("One moment."), call("c1"), call("c2")], "assistant")
    said_meanwhile = Msg("Anna", "hurry", "user")
    msgs = [SYSTEM, Msg("Anna", "weather?", "user"), reply, result("c2", "warm"), said_meanwhile, result("c1", "cold")]
    prompt = await OpenAIChatFormatter().format(msgs)
    assert [message["role"] for message in prompt] == ["system", "user", "assistant", "tool", "tool", "user"]
    assert prompt[2]["content"] == "One moment."
    assert prompt[2]["tool_calls"][0] == {
        "id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Oslo"}'},
    }  # fmt: skip
    assert prompt[3:5] == [
        {"role": "tool", "tool_call_id": "c1", "content": "cold"}, {"role": "tool", "tool_call_id": "c2", "content": "warm"},
    ]  # fmt: skip
    assert prompt[5] == {"role": "user", "content": "hurry"}
    assert "secret" not in str(prompt)


async def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    prompt = await OpenAIChatFormatter().format([Msg("Anna", "weather?", "user"), Msg("Ada", [call("c1")], "assistant")])
    assert prompt[1]["content"] is None
    assert prompt[2] == {"role": "tool", "tool_call_id": "c1", "content": "There is no result: the call was never finished."}


async def test_media_in_results_are_promoted_to_a_user_message_after_all_results() -> None:
    msgs = [
        Msg("Anna", "look", "user"), Msg("Ada", [call("c1"), call("c2")], "assistant"), result("c1", [TextBlock("a map"), IMAGE]),
        result("c2", [IMAGE]),
    ]  # fmt: skip
    prompt = await OpenAIChatFormatter().format(msgs)
    assert [message["role"] for message in prompt] == ["user", "assistant", "tool", "tool", "user"]
    assert [message["content"] for message in prompt[2:4]] == ["a map", "(see the next message)"]
    assert prompt[4]["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    other = await DashScopeChatFormatter().format(msgs)
    assert other[4]["content"][1] == {"image": "data:image/png;base64,QUJD"}


async def test_media_of_a_person_take_each_providers_form_and_what_it_does_not_take_is_named() -> None:
    video = VideoBlock(URLSource("https://example.org/film.mp4"))
    sound = AudioBlock(Base64Source("QUJD", "audio/wav"))
    msg = Msg("Anna", [TextBlock("see"), ImageBlock(URLSource("https://example.org/a.png")), sound, video], "user")
    (openai,) = await OpenAIChatFormatter().format([msg])
    assert openai["content"][1:] == [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        {"type": "text", "text": "[video: https://example.org/film.mp4, which you cannot see or hear]"},
    ]
    (dashscope,) = await DashScopeChatFormatter().format([msg])
    assert dashscope["content"] == [
        {"text": "see"}, {"image": "https://example.org/a.png"}, {"audio": "data:audio/wav;base64,QUJD"},
        {"video": "https://example.org/film.mp4"},
    ]  # fmt: skip


async def test_the_agents_own_sound_is_not_sent_back() -> None:
    reply = Msg("Ada", [TextBlock("Hi."), AudioBlock(Base64Source("QUJD", "audio/wav"))], "assistant")
    assert await OpenAIChatFormatter().format([reply]) == [{"role": "assistant", "content": "Hi."}]


def interrupted(heard: str, unheard: str, **more: str) -> Msg:
    return Msg("Ada", heard, "assistant", {"interrupted": {"by": "Anna", "at": "2026-11-20T10:00:00Z", "unheard": unheard, **more}})


async def test_an_interrupted_reply_is_told_as_a_fact_beside_the_words_that_were_heard() -> None:
    prompt = await OpenAIChatFormatter().format(
        [Msg("Anna", "count", "user"), interrupted("One, two,", " three."), Msg("Anna", "wait", "user")]
    )
    assert prompt[1] == {"role": "assistant", "content": "One, two,"}
    assert prompt[2]["content"] == (
        '<note>Here your answer was cut off by Anna: only the words above were heard. Not heard: "three."</note>\nwait'
    )


async def test_a_reply_of_which_nothing_was_heard_and_one_that_was_resumed() -> None:
    prompt = await OpenAIChatFormatter().format([Msg("Anna", "count", "user"), interrupted("", "One."), Msg("Anna", "wait", "user")])
    assert [message["role"] for message in prompt] == ["user"]
    assert 'cut off by Anna before any of it was heard. Not heard: "One."' in prompt[0]["content"]
    prompt = await OpenAIChatFormatter().format([interrupted("One,", "two.", resumed_by="r2"), Msg("Anna", "wait", "user")])
    assert "The rest was said later." in prompt[1]["content"]
    assert "two." not in prompt[1]["content"]


async def test_an_interruption_among_calls_is_told_after_the_results() -> None:
    reply = interrupted("Let me see,", "").copy_with(content=[TextBlock("Let me see,"), call("c1")])
    prompt = await OpenAIChatFormatter().format([reply, result("c1", "interrupted")])
    assert [message["role"] for message in prompt] == ["assistant", "tool", "user"]


GROUP = [
    SYSTEM, Msg("Anna", "hello all", "user"), Msg("Bo", "Hi, Anna.", "assistant"), Msg("Ada", "Hello.", "assistant"),
    Msg("Ben", "who is here?", "user"),
]  # fmt: skip


async def test_many_speakers_become_a_history_with_names() -> None:
    system, history = await OpenAIMultiAgentFormatter().format(GROUP)
    assert system["content"] == "You are Ada."
    assert history["role"] == "user"
    lines = history["content"].splitlines()
    assert lines[-6:] == ["<history>", "Anna: hello all", "Bo: Hi, Anna.", "Ada: Hello.", "Ben: who is here?", "</history>"]


async def test_where_the_speaker_is_known_its_own_words_are_its_turns() -> None:
    prompt = await OpenAIMultiAgentFormatter().format(GROUP, speaker="Ada")
    assert prompt[1:] == [
        {"role": "user", "content": "Anna: hello all\nBo: Hi, Anna."}, {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Ben: who is here?"},
    ]  # fmt: skip


async def test_a_history_is_parted_by_tool_calls_and_tells_interruptions_in_place() -> None:
    msgs = [
        *GROUP,
        interrupted("There are", " four of us."),
        Msg("Anna", "look it up", "user"),
        Msg("Ada", [call("c1")], "assistant"),
        result("c1"),
    ]
    prompt = await DashScopeMultiAgentFormatter().format(msgs)
    assert [message["role"] for message in prompt] == ["system", "user", "assistant", "tool"]
    assert (
        'Ada: There are\n(Here Ada\'s answer was cut off by Anna: only the words above were heard. Not heard: "four of us.")'
        in prompt[1]["content"]
    )


async def test_hints_are_marked_and_do_not_count_as_a_speaker() -> None:
    msgs = [Msg("Anna", "hello", "user"), Msg("Ada", "Hi.", "assistant"), Msg("clock", [HintBlock("It is noon.")], "user")]
    prompt = await OpenAIMultiAgentFormatter().format(msgs)
    assert prompt[-1] == {"role": "user", "content": "<hint>It is noon.</hint>"}


# Truncation


def test_the_oldest_go_first_and_the_system_prompt_and_the_newest_stay() -> None:
    msgs = [SYSTEM, *[Msg("Anna", f"{n} " + "word " * 40, "user") for n in range(10)]]
    budget = sum(map(estimated_tokens, [msgs[0], *msgs[-3:]]))
    assert truncated(msgs, budget) == [msgs[0], *msgs[-3:]]
    assert truncated(msgs, 1) == [msgs[0], msgs[-1]]
    assert truncated(msgs, 10**6) == msgs


def test_chinese_counts_by_the_character() -> None:
    assert estimated_tokens(Msg("a", "你好世界", "user")) > estimated_tokens(Msg("a", "abcd", "user"))


turns = st.lists(
    st.one_of(
        st.text("ab ", min_size=1, max_size=200).map(lambda text: ("say", text)),
        st.integers(1, 3).map(lambda calls: ("use", calls)),
    ),
    max_size=12,
)


@given(turns, st.integers(1, 400))
def test_truncation_parts_no_call_from_its_result(turns: list[tuple[str, object]], budget: int) -> None:
    msgs = [SYSTEM]
    for place, (kind, what) in enumerate(turns):
        if kind == "say":
            msgs.append(Msg("Anna", str(what), "user"))
            continue
        ids = [f"{place}.{n}" for n in range(int(what))]  # type: ignore[call-overload]
        msgs.append(Msg("Ada", [call(id) for id in ids], "assistant"))
        msgs.extend(result(id) for id in reversed(ids))
    kept = truncated(msgs, budget)
    called = {use.id for msg in kept for use in msg.tool_uses()}
    answered = {block.id for msg in kept for block in msg.blocks() if isinstance(block, ToolResultBlock)}
    assert called == answered
    assert kept[0] is SYSTEM
    assert [msg for unit in units(msgs) for msg in unit] == msgs
    assert [id(msg) for msg in msgs if any(msg is k for k in kept)] == [id(msg) for msg in kept]  # in order


async def test_a_formatter_cuts_to_its_limit_and_refuses_a_limit_of_nothing() -> None:
    msgs = [SYSTEM, *[Msg("Anna", "word " * 40, "user") for _ in range(20)], Msg("Anna", "last", "user")]
    prompt = await OpenAIChatFormatter(max_tokens=100).format(msgs)
    assert prompt[0]["content"] == "You are Ada."
    assert prompt[-1]["content"].endswith("last")
    assert len(str(prompt)) < 700
    with pytest.raises(ValueError, match="at least 1"):
        OpenAIChatFormatter(max_tokens=0)


async def test_digits_that_were_keyed_in_are_told_apart_from_digits_that_were_said() -> None:
    msgs = [SYSTEM, Msg("Anna", "42", "user", metadata={"keyed": True}), Msg("Ada", "Thanks.", "assistant"), Msg("Anna", "42", "user")]
    for formatter in (OpenAIChatFormatter(), OpenAIMultiAgentFormatter(), DashScopeChatFormatter(), DashScopeMultiAgentFormatter()):
        keyed, said = (message["content"] for message in await formatter.format(msgs) if message["role"] == "user")
        assert keyed == "42\n<note>These are keys that were pressed on a telephone; nothing was said.</note>"
        assert said == "42"


async def test_keys_keep_their_note_among_several_people() -> None:
    msgs = [SYSTEM, Msg("Anna", "hello", "user"), Msg("Bob", "1", "user", metadata={"keyed": True})]
    prompt = await OpenAIMultiAgentFormatter().format(msgs, speaker="Ada")
    assert "Bob: 1\n<note>These are keys" in prompt[-1]["content"]
    assert "Anna: hello\nBob" in prompt[-1]["content"]
