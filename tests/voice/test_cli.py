"""The command line around the commands: help, version, wrong use, and `serve` before it serves."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hubbub.voice.commands.serve import cannot_listen
from hubbub.voice.commands.status import ExitStatus

import hubbub


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hubbub.voice.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


def test_help_teaches() -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in ("serve", "talk", "doctor", "version", "examples:", "hubbub talk --wav question.wav"):
        assert word in done.stdout


@pytest.mark.parametrize("command", ["serve", "talk", "doctor", "version"])
def test_each_command_has_help(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"usage: hubbub {command}" in done.stdout


def test_the_version_is_told() -> None:
    assert run("version").stdout.startswith(f"hubbub {hubbub.__version__} (Python 3.")


@pytest.mark.parametrize("arguments", [[], ["sing"], ["serve", "--port", "x"], ["serve", "--port", "70000"], ["serve", "a", "b"]])
def test_wrong_use_is_said_in_one_line(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == ExitStatus.USAGE
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hubbub")


def test_a_wrong_file_of_rooms_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "rooms.yaml"
    path.write_text("rooms:\n  kitchen:\n    agents:\n      - nam: Ava\n")
    done = run("serve", str(path))
    assert done.returncode == ExitStatus.USAGE
    assert f"{path}:4: rooms.kitchen.agents[0].nam: is not a known field (did you mean 'name'?)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port))
        assert cannot_listen("127.0.0.1", port)
    assert done.returncode == ExitStatus.FAILED
    assert f"cannot listen at 127.0.0.1:{port}: address already in use" in done.stderr
    assert cannot_listen("127.0.0.1", 0) == ""


def test_an_unknown_host_is_explained() -> None:
    assert "cannot listen at host.invalid:0" in cannot_listen("host.invalid", 0)
