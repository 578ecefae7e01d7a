"""The Python in the page about models runs, and its links lead somewhere."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "agents" / "models.md"


async def test_the_code_of_the_page_runs() -> None:
    names: dict[str, Any] = {"__name__": "models", "print": lambda *args, **options: None}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        result = eval(compile(block, PAGE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.iscoroutine(result):
            await result
    assert names["prompt"] == [{"role": "user", "content": "Anna: Hello, all.\nBo: Hi.\nBen: Ada?"}]
    said = [delta async for delta in names["Echo"]().stream([{"content": "good evening"}])]
    assert [delta.text for delta in said[:2]] == ["good ", "evening "]


def test_every_class_of_the_table_exists() -> None:
    import hubbub.agents.model as models

    named = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(named) == 4
    assert all(hasattr(models, name) for name in named)
