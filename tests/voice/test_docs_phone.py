"""The guides to Asterisk, to the telephony SDK and to testing with it: their files are read, their programs run, their options exist."""

import argparse
import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from hubbub.voice.audio.wav import write_wav
from hubbub.voice.cli import _parser
from hubbub.voice.config import load_config, parse_config
from phone_server import PhoneLine, phone_server
from test_cli_call import answering, tone

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "asterisk"


def blocks(guide: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (ROOT / "docs" / guide).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("asterisk.md", "yaml"))
def test_the_files_in_the_guide_to_asterisk_are_read(text: str) -> None:
    asterisk = parse_config(text).telephony.asterisk
    assert asterisk.audiosocket or asterisk.channel


def test_the_example_s_file_of_rooms_is_read() -> None:
    assert load_config(EXAMPLES / "rooms.yaml").telephony.asterisk.audiosocket is not None


def test_the_dialplan_in_the_guide_is_the_example_s_which_a_real_asterisk_runs() -> None:
    example = "".join((EXAMPLES / name).read_text() for name in ("extensions.conf", "websocket_client.conf"))
    example = example.replace("${AUDIOSOCKET}", "127.0.0.1:9092").replace("${HUBBUB}", "127.0.0.1:8080")
    shown = [line for text in blocks("asterisk.md", "ini") for line in text.splitlines() if line.strip()]
    assert len(shown) > 15
    assert [line for line in shown if line not in example.splitlines()] == []


async def test_the_program_of_the_sdk_s_guide_calls(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    question = tmp_path / "question.wav"
    write_wav(question, tone(300, 16_000), 16_000)
    place, live, answer, without_a_socket = blocks("phone-sdk.md", "python")
    program: dict[str, Any] = {}
    exec(compile(place, "phone-sdk.md", "exec"), program)

    async def script(line: PhoneLine) -> None:
        await answering(line)

    async with asyncio.timeout(20), phone_server(script) as server:
        await program["main"](server.ws, str(question))
    assert re.search(r"heard \d+ ms after the question\nit spoke \d+ ms", capsys.readouterr().out)
    exec(compile(live, "phone-sdk.md", "exec"), program)  # it wants a sound card to run: see test_phone_call.py
    exec(compile(answer, "phone-sdk.md", "exec"), program)
    listening = asyncio.create_task(program["answer"](b""))
    async with asyncio.timeout(10):
        while "api_url to http://127.0.0.1:" not in capsys.readouterr().out:
            await asyncio.sleep(0.05)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    exec(compile(without_a_socket, "phone-sdk.md", "exec"), {})


def test_the_guide_to_the_command_line_names_every_option_of_a_call() -> None:
    section = (ROOT / "docs" / "cli.md").read_text().split("## hubbub call")[1].split("\n## ")[0]
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    options = {name for action in commands.choices["call"]._actions for name in action.option_strings if name.startswith("--")}
    assert [name for name in options - {"--help"} if f"`{name}" not in section] == []


def test_every_option_in_the_guide_to_testing_exists() -> None:
    text = (ROOT / "docs" / "telephony-testing.md").read_text()
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    known = {name for action in commands.choices["call"]._actions for name in action.option_strings}
    assert set(re.findall(r"--[a-z][a-z-]+", text)) <= known
