"""The guides are held to the code: every code block is run, read or checked, every page is in the site, every link leads somewhere.

Python is run, against a served house where it talks to one; where a page has a test of its own that does (`RUN_ELSEWHERE`), it is only
compiled here. YAML is read as a configuration, JSON is parsed, and what has a type is checked against the protocol; every `hubbub …` and
`make …` of a shell block is one that exists.
"""

import argparse
import ast
import asyncio
import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hubbub.voice.audio.wav import write_wav
from hubbub.voice.cli import _parser
from hubbub.voice.config import parse_config
from hubbub.voice.schema import client_schema, server_schema
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tests" / "voice"))
from live_house import live_house  # noqa: E402 - the tests are not a package

PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "web" / "README.md"])
RUN_ELSEWHERE = {
    "docs/agents/agents.md": "tests/agents/test_docs_agents.py",
    "docs/agents/hub.md": "tests/agents/test_docs_agents.py",
    "docs/agents/memory.md": "tests/agents/test_docs_agents.py",
    "docs/agents/messages.md": "tests/agents/test_docs_agents.py",
    "docs/agents/middleware.md": "tests/agents/test_docs_agents.py",
    "docs/agents/models.md": "tests/agents/test_docs_models.py",
    "docs/rooms.md": "tests/voice/test_docs_rooms.py",
    "docs/testing.md": "tests/voice/test_docs_testing.py",
}
"""Page to the test that runs its Python."""
PRELUDE = """
import asyncio
from hubbub.voice.audio.wav import *
from hubbub.voice.client import *
from hubbub.voice.event import *
"""
"""What a page may leave out: the names that it speaks of."""
ENDLESS_S = 2.5
"""How long a block may run that listens until somebody ends it."""
PATIENCE_S = 30.0


def blocks(page: Path, *languages: str) -> Iterator[tuple[int, str]]:
    """Line and text of a page's fenced blocks in one of the languages."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if found[1] in languages:
            yield text.count("\n", 0, found.start()) + 2, found[2]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def pages_with(*languages: str) -> list[Any]:
    return [pytest.param(page, id=name_of(page)) for page in PAGES if next(blocks(page, *languages), None)]


# ── Python ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def compiled(page: Path, line: int, block: str) -> Any:
    return compile("\n" * (line - 1) + block, name_of(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", pages_with("python"))
async def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs = list(blocks(page, "python"))
    if name_of(page) in RUN_ELSEWHERE:
        for line, block in programs:
            compiled(page, line, block)
        return
    write_wav(tmp_path / "question.wav", b"\0\0" * 8000 + b"\0\x40\0\xc0" * 4000, 16_000)
    async with live_house(heard=["what time is it"], answer="It is noon.") as live:
        names: dict[str, Any] = {"__name__": "guide", "print": lambda *a, **k: None, "server_key": "k" * 40, "url": live.url}
        exec(PRELUDE, names)
        for line, block in programs:
            program = block.replace("http://127.0.0.1:8080", live.url)
            listens = "async for" in program and "break" not in program
            if "asyncio.run(" in program or "with Caller(" in program:
                await asyncio.to_thread(exec, compiled(page, line, program), names)
                continue
            result = eval(compiled(page, line, program), names)
            if not inspect.iscoroutine(result):
                continue
            try:
                async with asyncio.timeout(ENDLESS_S if listens else PATIENCE_S):
                    await result
            except TimeoutError:
                assert listens, f"{name_of(page)}:{line} did not end"


def test_pages_that_are_run_elsewhere_are() -> None:
    for page, test in RUN_ELSEWHERE.items():
        assert (ROOT / page).is_file()
        assert Path(page).stem in (ROOT / test).read_text("utf-8")


# ── YAML, JSON ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", pages_with("yaml"))
def test_yaml_is_a_configuration(page: Path) -> None:
    for line, block in blocks(page, "yaml"):
        whole = block if "rooms" in yaml.safe_load(block) else block + "\nrooms: {default: {agents: [{name: Ava}]}}\n"
        parse_config(whole, f"{name_of(page)}:{line}", environ=_variables(block))


def _variables(block: str) -> dict[str, str]:
    return {name: "v" * 40 for name in re.findall(r"\$\{(\w+)", block)}


@pytest.mark.parametrize("page", pages_with("json"))
def test_json_is_read_and_what_has_a_type_is_in_the_protocol(page: Path) -> None:
    for line, block in blocks(page, "json"):
        for value in _json_values(block):
            if isinstance(value, dict) and "type" in value:
                allowed = [schema for schema in (client_schema(), server_schema()) if Draft202012Validator(schema).is_valid(value)]
                assert allowed, f"{name_of(page)}:{line}: neither client nor server may send {value}"


def _json_values(block: str) -> list[Any]:
    try:
        return [json.loads(block)]
    except ValueError:
        return [json.loads(one) for one in block.strip().splitlines()]  # one object a line


# ── shell ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def commands(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and words of every command of a page that is ours: in shell blocks, in indented ones, and in `$(…)`."""
    text = page.read_text("utf-8")
    found = list(blocks(page, "sh", "bash", "console"))
    found += [(text.count("\n", 0, one.start()) + 1, one[0]) for one in re.finditer(r"(?:^ {4}(?:\S.*)?\n)+", text, re.MULTILINE)]
    for line, block in found:
        for offset, raw in enumerate(block.replace("\\\n", " ").splitlines()):
            first = re.split(r"\s{2,}", raw.strip())[0]  # what it does stands beside it
            for command in (first, *re.findall(r"\$\((.*?)\)", raw)):
                try:
                    words = shlex.split(command.strip().removeprefix("$ "), comments=True)
                except ValueError:
                    continue
                while words and (re.match(r"\w+=", words[0]) or words[0] == "export"):
                    words = words[1:]
                if words and words[0].rsplit("/", 1)[-1] in ("hubbub", "make") and "…" not in words:
                    yield line + offset, words


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES if next(commands(page), None)])
def test_commands_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line, words in commands(page):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, f"{name_of(page)}:{line}"
            continue
        arguments = [word for word in words[1:] if word not in ("&", "&&", "|", ">")]
        try:
            parsed = _parser().parse_args(arguments)
        except SystemExit as ended:
            assert ended.code == 0, f"{name_of(page)}:{line}: {' '.join(words)}\n{capsys.readouterr().err}"
        else:
            assert isinstance(parsed, argparse.Namespace)


# ── the site ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_links_lead_somewhere() -> None:
    made = {"measured.md", "changes.md"}
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists() or target in made, f"{name_of(page)} links to {target}"


def test_every_page_is_in_the_site() -> None:
    pytest.importorskip("mkdocs")
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:")[1]))
    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - listed == set()


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="(https?:[^"]+)"', text)
        loaded += re.findall(r'<link[^>]*rel="(?:stylesheet|preload|preconnect)"[^>]*href="(https?:[^"]+)"', text)
        assert loaded == [], page
    assert (tmp_path / "measured" / "index.html").is_file()
    assert (tmp_path / "schema" / "client.json").is_file()
