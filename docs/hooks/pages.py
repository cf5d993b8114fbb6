"""Pages that lie elsewhere: files of the root, the list of decisions, and names with `*` in the navigation."""  # noqa: INP001

import posixpath
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "superres/weights/worldstrat-x4/README.md": "models/worldstrat-x4.md",
    "docs/decisions/": "decisions/index.md",
}
"""Files of the repository, and what they are called in the site."""
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#]+)")
_MENTION = re.compile(r"(?<!\]\()(?<![\[\w/])docs/[\w./-]+\.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and put the files that a `*` of the navigation means in its place."""
    for source, page in ELSEWHERE.items():
        if source.endswith(".md"):
            text = _MENTION.sub(_linked, (ROOT / source).read_text("utf-8"))
            files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "decisions/index.md", content=_decisions()))
    config.nav = _expanded(config.nav, sorted(file.src_uri for file in files.documentation_pages()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs calls it so
    """Lead links that are right in the repository to the same pages of the site."""
    source = next((source for source, name in ELSEWHERE.items() if name == page.file.src_uri), None)
    folder = posixpath.dirname(source or f"docs/{page.file.src_uri}")
    here = posixpath.dirname(page.file.src_uri)

    def lead(link: re.Match[str]) -> str:
        meant = posixpath.normpath(posixpath.join(folder, link[1])) + ("/" if link[1].endswith("/") else "")
        name = ELSEWHERE.get(meant, meant.removeprefix("docs/"))
        return posixpath.relpath(name, here or ".") if source or meant in ELSEWHERE else link[1]

    return _LINK.sub(lead, markdown)


def _linked(mention: re.Match[str]) -> str:
    return f"[{mention[0]}]({mention[0]})" if (ROOT / mention[0]).exists() else mention[0]


def _decisions() -> str:
    rows = []
    for path in sorted((ROOT / "docs/decisions").glob("2*.md"), reverse=True):
        title = path.read_text("utf-8").split("\n", 1)[0].removeprefix("# ")
        rows.append(f"| {path.name[:10]} | [{title}]({path.name}) |")
    head = ["# Decisions", "", "Why it is as it is, the newest first.", "", "| day | |", "|---|---|"]
    return "\n".join([*head, *rows, ""])


def _expanded(nav: Any, names: list[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _expanded(entry, names) for title, entry in nav.items()}
    if not isinstance(nav, list):
        return nav
    entries: list[Any] = []
    for entry in nav:
        globbed = isinstance(entry, str) and "*" in entry
        entries += [name for name in names if fnmatch(name, entry)] if globbed else [_expanded(entry, names)]
    return entries
