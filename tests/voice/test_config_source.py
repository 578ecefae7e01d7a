"""The YAML reader under the configuration: what it takes, what it refuses, and at which line."""

import pytest
from hubbub.voice.config.errors import ConfigError
from hubbub.voice.config.source import MAX_DEPTH, MAX_FILE_BYTES, MAX_VALUES, dotted, read_source


def read(text: str, **environ: str):
    return read_source(text.encode(), "rooms.yaml", environ)


def refusal(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, **environ)
    return str(caught.value)


def test_values_keep_their_lines() -> None:
    source = read("a: 1\nb:\n  - x\n  - y: 2.5\n\nc: true\n")
    assert source.values == {"a": 1, "b": ["x", {"y": 2.5}], "c": True}
    assert source.lines[("a",)] == 1
    assert source.lines[("b", 1, "y")] == 4
    assert source.line_of(("b", 1, "z", "deeper")) == 4
    assert source.line_of(("c",)) == 6


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"),
        ("010", 10), ("1e3", 1000.0), (".5", 0.5), ("-3", -3), ("1_000", "1_000"), ("", None), ("~", None),
        ("null", None), ('"12"', "12"), ("'true'", "true"), ("True", True), ("false", False), ("0x1f", "0x1f"),
        ("9" * 400, "9" * 400),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(written: str, value: object) -> None:
    assert read(f"a: {written}").values == {"a": value}


def test_an_empty_file_has_no_values() -> None:
    assert read("").values is None
    assert read("# only a comment\n").values is None


def test_variables_are_replaced_and_remembered_as_secret() -> None:
    source = read('key: ${KEY}\nurl: "http://${HOST:-localhost}/v1"\nplain: $${HOME}\n', KEY="12345")
    assert source.values == {"key": "12345", "url": "http://localhost/v1", "plain": "${HOME}"}
    assert source.secrets[("key",)] == "${KEY}"


def test_a_missing_variable_is_named() -> None:
    assert refusal("a:\n  key: ${KEY}\n") == (
        "rooms.yaml:2: a.key: the environment variable KEY is not set: set it, or write ${KEY:-default}"
    )
    assert "KEY is empty" in refusal("key: ${KEY}", KEY="")
    assert "does not name an environment variable" in refusal("key: ${no such}")


def test_a_variable_cannot_bring_yaml_with_it() -> None:
    assert read("a: ${X}", X="{b: 1}").values == {"a": "{b: 1}"}
    assert read("a: ${X}", X="${Y}", Y="secret").values == {"a": "${Y}"}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "rooms.yaml:3: a:", "given twice; first in line 1"),
        ("a: [1, 2\nb: 3\n", "rooms.yaml:2:", "not valid YAML"),
        ("a:\n\tb: 1\n", "rooms.yaml:2:", "a tab cannot indent YAML"),
        ("a: !!python/object:os.system {}\n", "rooms.yaml:1: a:", "tag"),
        ("a: !!int '3'\n", "rooms.yaml:1: a:", "tag"),
        ("a: 1\n---\nb: 1\n", "rooms.yaml:2:", "more than one document"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "rooms.yaml:3: c:", "merge keys"),
        ("? [1, 2]\n: 3\n", "rooms.yaml:1:", "a field's name must be plain text"),
        ("a: *nothing\n", "rooms.yaml:1: a:", "alias"),
        ("a: &a [*a]\n", "rooms.yaml:1: a[0]:", "alias"),
        ("a: b\x07\n", "rooms.yaml:1:", "U+0007"),
    ],
)
def test_what_is_refused_names_the_line(text: str, place: str, words: str) -> None:
    message = refusal(text)
    assert message.startswith(place)
    assert words in message


def test_a_file_that_is_not_text_names_the_line() -> None:
    with pytest.raises(ConfigError, match=r"rooms.yaml:2: the file is not UTF-8 text"):
        read_source(b"a: 1\nb: \xff\xfe\n", "rooms.yaml", {})


def test_aliases_are_shared_but_bounded() -> None:
    assert read("a: &x [1, 2]\nb: *x\n").values == {"a": [1, 2], "b": [1, 2]}
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert f"more than {MAX_VALUES} values" in refusal("\n".join(bomb))


def test_depth_and_size_are_bounded() -> None:
    assert f"more than {MAX_DEPTH} deep" in refusal("a: " + "[" * 5000)
    with pytest.raises(ConfigError, match="longer than 256 KiB"):
        read_source(b"#" * (MAX_FILE_BYTES + 1), "rooms.yaml", {})


def test_a_path_is_written_as_people_do() -> None:
    assert dotted(("rooms", "kitchen", "agents", 0, "name")) == "rooms.kitchen.agents[0].name"
    assert dotted(()) == ""
