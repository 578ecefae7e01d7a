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
        ("- one\n- two", "one two"),
        ("See [the docs](https://example.org/a?b=c).", "See the docs."),
        ("Go to https://www.example.org/path/x?y=1 now", "Go to example dot org link now"),
        ("Write to ann.lee@example.com", "Write to ann dot lee at example dot com"),
        ("Call `get_time` please", "Call get time please"),
        ("Here:\n```python\nprint(1)\n```\nDone", "Here: Done"),
        ("Well done 🎉👍🏽!", "Well done !"),
        ("<b>bold</b> text<br/>", "bold text"),
        ("![a cat](cat.png) sleeps", "a cat sleeps"),
        ("2 * 3 is 6", "2 3 is 6"),
        ("snake_case stays", "snake_case stays"),
        ("> quoted", "quoted"),
        ("3 < 5 and 7 > 6", "3 < 5 and 7 > 6"),
        ("你好，**世界**！", "你好，世界！"),
        ("***", ""),
        ("```only code```", ""),
        ("🙂", ""),
        ("", ""),
    ],
)
def test_clean(written, spoken):
    assert clean(written).text == spoken


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
