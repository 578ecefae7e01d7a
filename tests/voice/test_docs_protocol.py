"""The specification is what the code speaks: its schemas are generated, and its tables leave nothing out."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hubbub.voice import protocol
from hubbub.voice.cli import main
from hubbub.voice.schema import client_schema, server_schema, text

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "protocol.md").read_text("utf-8")


def types(schema: dict[str, Any]) -> set[str]:
    return set(schema["discriminator"]["mapping"])


@pytest.mark.parametrize(
    ("make", "right"),
    [(client_schema, {"type": "text", "text": "hello"}), (server_schema, {"type": "pong", "id": 3, "at_ms": 0, "seq": 0})],
)
def test_the_schemas_tell_right_from_wrong(make: Any, right: dict[str, Any]) -> None:
    """That the files hold them is held in tests/test_packaging.py, which every change must pass."""
    jsonschema.Draft202012Validator.check_schema(make())
    judge = jsonschema.Draft202012Validator(make())
    assert judge.is_valid(right)
    for wrong in ({}, [], {"type": "party"}, {**right, "type": 3}, {"type": right["type"]}):
        assert not judge.is_valid(wrong), wrong


def test_every_event_is_in_the_page() -> None:
    rows = {name for row in re.findall(r"^\| (`\w+`(?:, `\w+`)*)", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert types(server_schema()) - rows == set()


def test_every_client_message_is_in_the_page() -> None:
    named = set(re.findall(r'"type": ?"(\w+)"', PAGE))
    assert types(client_schema()) - named == set()
    assert named - types(client_schema()) <= {"gap"}


def test_the_examples_are_allowed() -> None:
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]
    inline = re.findall(r"`(\{\"type\".*?\})`", PAGE)
    blocks += [json.loads(one.replace(":N,", ":3,").replace(":S}", ":7}")) for one in inline]
    assert len(blocks) > 8
    for block in blocks:
        if block["type"] == "gap":
            jsonschema.validate({"at_ms": 0, "seq": 0} | block, server_schema())
        else:
            jsonschema.validate(block, client_schema())


def test_every_close_code_and_feature_is_in_the_page() -> None:
    codes = {str(value) for name, value in vars(protocol).items() if name.startswith("CLOSE_")}
    assert codes - set(re.findall(r"^\| (\d{4}) \|", PAGE, re.MULTILINE)) == set()
    assert [name for name in protocol.FEATURES if f"`{name}`" not in PAGE] == []


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", "client"]) == 0
    assert capsys.readouterr().out == text(client_schema())
    assert main(["protocol", "--write", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "server.json").read_text("utf-8") == text(server_schema())
    (tmp_path / "file").touch()
    assert main(["protocol", "--write", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["protocol"])
