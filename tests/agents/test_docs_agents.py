"""The Python in the pages about agents runs."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from hubbub.agents.testing import ScriptedModel

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["agents", "messages", "hub", "memory", "middleware"]


@pytest.mark.parametrize("page", PAGES)
async def test_the_code_of_a_page_runs(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "agents" / f"{page}.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    model = ScriptedModel(then="Once there was a tea pot that could not hold its lid.")
    names: dict[str, Any] = {"__name__": page, "model": model, "database": str(tmp_path / "docs.db"), "print": lambda *a, **k: None}
    for block in blocks:
        code = compile(block, f"{page}.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.iscoroutine(result):
            await result


def test_links_lead_somewhere() -> None:
    for page in [DOCS / "from-agentscope.md", *(DOCS / "agents" / f"{name}.md" for name in PAGES)]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_name_of_ours_in_the_migration_page_exists() -> None:
    import hubbub.agents as agents

    text = (DOCS / "from-agentscope.md").read_text("utf-8")
    ours = set(re.findall(r"`hubbub\.agents\.(\w+)`", text))
    assert len(ours) > 20
    for name in ours:
        assert hasattr(agents, name) or (Path(agents.__file__).parent / name).exists() or (
            Path(agents.__file__).parent / f"{name}.py"
        ).exists(), name


def test_every_public_name_of_agentscope_is_mapped() -> None:
    """`agentscope_names.txt` has what the modules of AgentScope 1.0.21 and 2.0.11 list in `__all__`."""
    text = (DOCS / "from-agentscope.md").read_text("utf-8")
    for line in (Path(__file__).parent / "agentscope_names.txt").read_text("utf-8").splitlines():
        version, module, *names = line.split()
        missing = [name for name in names if f"`{name}`" not in text]
        assert not missing, f"{version} {module}: {missing}"
