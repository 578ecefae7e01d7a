"""What is not read aloud, and the map back to what was written."""

import pytest
from hubbub.voice.speech import clean
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Plain words, as they are.", "Plain words, as they are."),
        ("This is **very** _important_ ~~not~~.", "This is very important not."),
        ("# Heading", "Heading"),
        ("- one\n- two", "one, two"),
        ("See [the docs](https://example.org/a?b=c).", "See the docs."),
        ("Go to https://www.example.org/path/x?y=1 now", "Go to example dot org link now"),
        ("Write to ann.lee@example.com", "Write to ann dot lee at example dot com"),
        ("Call `get_time` please", "Call get time please"),
        ("Here:\n```python\nprint(1)\n```\nDone", "Here: Done"),
        ("Well done 🎉👍🏽!", "Well done!"),
        ("<b>bold</b> text<br/>", "bold text"),
        ("![a cat](cat.png) sleeps", "a cat sleeps"),
        ("2 * 3 is 6", "2 times 3 is 6"),
        ("snake_case parts", "snake case parts"),
        ("> quoted", "quoted"),
        ("3 < 5 and 7 > 6", "3 < 5 and 7 > 6"),
        ("你好，**世界**！", "你好，世界！"),
        ("1. Wake up", "1. Wake up"),
        ("- [x] done", "done"),
        ("| Name | Age |\n|------|-----|\n| Ann | 30 |", "Name, Age, Ann, 30,"),
        ("Title\n=====\nText", "Title, Text"),
        ("Call `get_time()` now", "Call get time now"),
        ("**Bold** and __bold__ and *it*", "Bold and bold and it"),
        ("2019–2024 and A → B", "2019 to 2024 and A to B"),
        ("Wait — no", "Wait, no"),
        ("Good :) really!!!", "Good really!"),
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("As shown[1] and here[^2].", "As shown and here."),
        ("See [the docs][ref].\n\n[ref]: http://x.y/z", "See the docs."),
        ("Line one<br>Line two", "Line one, Line two"),
        (r"A \*star\* stays", "A *star* stays"),
        ("x\u200by\x07z\ufeff", "xyz"),
        ("Keycap 1️⃣ and flag 🇫🇷.", "Keycap 1 and flag."),
        ("Brand™ Name®", "Brand Name"),
        ("https://", "https://"),
        ("**Hello.", "Hello."),
        ("World**", "World"),
        ("well-known e-mail, isn't it?", "well-known e-mail, isn't it?"),
        ("-5 degrees, $3.14 (25%)", "-5 degrees, $3.14 (25%)"),
        ("***", ""),
        ("```only code```", ""),
        ("🙂", ""),
        ("", ""),
    ],
)
def test_clean(written, spoken):
    assert clean(written).text == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("看 https://www.example.cn/a 吧。", "看 example点cn 链接 吧。"),
        ("2 * 3 → 6", "2乘3到6"),
        ("- 一\n- 二", "一，二"),
        ("访问https://a.cn/b，谢谢😀！", "访问a点cn 链接，谢谢！"),
    ],
)
def test_clean_chinese(written, spoken):
    assert clean(written, language="zh-CN").text == spoken


def test_words_lead_back_to_where_they_were_written():
    written = "Write to **bob.lee@example.com** or see [the docs](http://x.y) now"
    spoken = clean(written)
    for word in ("Write", "bob", "lee", "example", "com", "docs", "now"):
        place = spoken.source[spoken.text.index(word)]
        assert written[place : place + len(word)] == word


@pytest.mark.parametrize("mark", [*"`*_~[](<>#|@&-=!:.", "](", "![", "<!--", "&#", "www.", "a@", "* ", "| "])
def test_a_text_made_of_marks_does_not_grow(mark):
    text = mark * 400
    spoken = clean(text)
    assert len(spoken.text) <= 2 * len(text)


@given(st.text(max_size=200))
def test_the_map_leads_back_in_order(text):
    spoken = clean(text)
    assert len(spoken.text) == len(spoken.source)
    assert list(spoken.source) == sorted(spoken.source)
    assert all(0 <= place < len(text) for place in spoken.source)


@given(st.lists(st.sampled_from(["**bold**", "word", "`code`", "[link](http://x.y)", "🙂", "# h\n", "end."]), max_size=12))
def test_every_kept_letter_is_the_written_one(parts):
    text = " ".join(parts)
    spoken = clean(text)
    assert all(text[place] == character for character, place in zip(spoken.text, spoken.source, strict=True) if character.isalpha())
