"""The guide to testing is true: its program runs."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_guide_runs(capsys):
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    exec(compile(program, str(GUIDE), "exec"), {"__name__": "guide"})
    assert re.match(r"heard: One,( \w+,){1,8}$", capsys.readouterr().out.strip())
