"""What is built is whole: every package listed, the types and the page shipped, the versions the same."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import hubbub

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel built from a copy of the checkout (building leaves traces beside the sources)."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if not (ROOT / name).is_file() or name.startswith(("tests/", "audio_fixtures/", "docs/")):
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    built = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-build-isolation", "--no-deps", "-w", out, source],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    (wheel,) = out.glob("hubbub-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_module_is_shipped(wheel_names: set[str]) -> None:
    expected = {f"hubbub/{path.relative_to(ROOT / 'hubbub').as_posix()}" for path in (ROOT / "hubbub").rglob("*.py")}
    for folder in ("agents", "voice", "web"):
        expected |= {
            f"hubbub/{path.relative_to(ROOT).as_posix()}"
            for path in (ROOT / folder).rglob("*.py")
            if "node_modules" not in path.parts
        }
    assert expected - wheel_names == set(), "a folder without an __init__.py is not shipped"


def test_the_types_are_shipped(wheel_names: set[str]) -> None:
    assert "hubbub/py.typed" in wheel_names


def test_the_page_is_shipped_without_its_workshop(wheel_names: set[str]) -> None:
    page = {name for name in wheel_names if name.startswith("hubbub/web/")}
    assert "hubbub/web/index.html" in page
    tracked = subprocess.run(["git", "ls-files", "web"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    scripts = {f"hubbub/{name}" for name in tracked if Path(name).suffix in (".html", ".js", ".css", ".svg", ".woff2")}
    assert {name for name in scripts if (ROOT / name.removeprefix("hubbub/")).is_file()} - page == set()
    assert not [name for name in page if "node_modules" in name]
    assert "hubbub/web/vendor/LICENCES.txt" in page, "other people's work goes with its terms"


def test_nothing_else_is_shipped(wheel_names: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel_names} == {"hubbub", f"hubbub-{hubbub.__version__}.dist-info"}


def test_the_command_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"hubbub": "hubbub.voice.cli:main"}


def test_the_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert project["version"] == hubbub.__version__ == newest[1]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, hubbub.voice.cli; print([m for m in ('numpy', 'av', 'asyncio', 'pydantic', 'websockets') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_requirement_says_why_it_has_its_bound() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("dependencies = [") : text.index("[project.optional-dependencies]")]
    requirements = [line for line in block.splitlines() if line.strip().startswith('"')]
    assert requirements
    assert [line for line in requirements if "#" not in line] == []


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_protocol_s_schemas_are_those_of_the_code(side: str) -> None:
    from hubbub.voice import schema

    written = (ROOT / "docs" / "schema" / f"{side}.json").read_text("utf-8")
    assert written == schema.text(getattr(schema, f"{side}_schema")()), "run: hubbub protocol --write docs/schema"
