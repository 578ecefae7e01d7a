"""What MkDocs does for the docs site beside reading `docs/`: pages that live elsewhere in the repository, and links that lead there."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/hubbub-voice/hubbub/blob/main/"
ELSEWHERE = {
    "measured.md": ("benchmarks/RESULTS.md",),
    "changes.md": ("CHANGELOG.md",),
}
"""Page of the site to the file that it is made of: the first one that is there."""

_LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")


def source_of(page: str) -> str:
    """The file, from the repository's root, that a page of the site is made of."""
    candidates = ELSEWHERE.get(page, (f"docs/{page}",))
    return next((name for name in candidates if (ROOT / name).is_file()), candidates[-1])


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that live elsewhere."""
    for page in ELSEWHERE:
        text = (ROOT / source_of(page)).read_text("utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turns links that lead out of `docs/` into links to the repository."""
    source = source_of(page.file.src_uri)
    return _LINK.sub(lambda found: _relinked(found, source, page.file.src_uri), markdown)


def _relinked(found: "re.Match[str]", source: str, page: str) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[2]))
    if target.startswith("docs/"):
        inside = posixpath.relpath(target.removeprefix("docs/"), posixpath.dirname(page) or ".")
        return f"{found[1]}{inside}{found[3] or ''}{found[4]}"
    own = next((name for name in ELSEWHERE if source_of(name) == target), None)
    if own is not None:
        return f"{found[1]}{posixpath.relpath(own, posixpath.dirname(page) or '.')}{found[3] or ''}{found[4]}"
    return f"{found[1]}{REPOSITORY}{target}{found[3] or ''}{found[4]}"
