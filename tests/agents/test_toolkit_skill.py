"""Agent skills: registered from a folder, named in the prompt, read through a tool."""

import pytest
from hubbub.agents.message import ToolUseBlock
from hubbub.agents.tool import Toolkit


@pytest.fixture
def skill(tmp_path):
    folder = tmp_path / "baking"
    (folder / "recipes").mkdir(parents=True)
    (folder / "SKILL.md").write_text("---\nname: Baking\ndescription: How to bake bread\n---\nSee recipes/rye.md\n")
    (folder / "recipes" / "rye.md").write_text("Rye: 500 g\n")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def view(toolkit, **arguments):
    [chunk] = [chunk async for chunk in toolkit.call(ToolUseBlock("1", "view_skill", arguments))]
    return chunk.state, chunk.content[0].text


async def test_a_skill_is_named_in_the_prompt_and_read_through_a_tool(skill):
    toolkit = Toolkit()
    assert toolkit.get_agent_skill_prompt() is None
    toolkit.register_agent_skill(skill)
    prompt = toolkit.get_agent_skill_prompt()
    assert "- Baking: How to bake bread" in prompt and "view_skill" in prompt and "rye" not in prompt
    assert toolkit.flags("view_skill").read_only
    state, text = await view(toolkit, name="Baking")
    assert state == "success" and "See recipes/rye.md" in text
    assert await view(toolkit, name="Baking", path="recipes/rye.md") == ("success", "Rye: 500 g\n")
    assert await view(toolkit, name="Baking", path="recipes") == ("success", "recipes/rye.md")


async def test_a_skill_is_no_way_to_other_files(skill):
    toolkit = Toolkit()
    toolkit.register_agent_skill(skill)
    for path in ("../secret.txt", str(skill.parent / "secret.txt"), "/etc/hostname"):
        state, text = await view(toolkit, name="Baking", path=path)
        assert state == "error" and "secret" not in text.replace("secret.txt", "")
    state, text = await view(toolkit, name="Cooking")
    assert state == "error" and "Baking" in text


async def test_removing(skill):
    toolkit = Toolkit()
    toolkit.register_agent_skill(skill)
    with pytest.raises(ValueError, match="already a skill"):
        toolkit.register_agent_skill(skill)
    with pytest.raises(ValueError, match="no skill"):
        toolkit.remove_agent_skill("Cooking")
    toolkit.remove_agent_skill("Baking")
    assert toolkit.get_agent_skill_prompt() is None and toolkit.names() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "SKILL.md"),
        ("no front matter", "front matter"),
        ("---\nname: x\n", "front matter"),
        ("---\nname: x\n---\n", "description"),
        ("---\nname: [1]\ndescription: d\n---\n", "name"),
        ("---\nname: {\n---\n", "YAML"),
        ("---\n- a\n---\n", "name"),
    ],
)
def test_what_is_no_skill(tmp_path, text, why):
    if text is not None:
        (tmp_path / "SKILL.md").write_text(text)
    with pytest.raises(ValueError, match=why):
        Toolkit().register_agent_skill(tmp_path)
