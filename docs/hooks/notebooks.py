"""The notebooks as pages, with the outputs that they were stored with: nothing is run."""  # noqa: INP001

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"(?<=\]\()([\w./-]+)\.ipynb(?=\))")
_FENCE = "````"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and its pictures."""
    for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb")):
        parts: list[str] = []
        for cell in nbformat.read(path, as_version=4).cells:
            parts.append(cell.source if cell.cell_type == "markdown" else f"{_FENCE}python\n{cell.source}\n{_FENCE}")
            for output in cell.get("outputs", ()):
                text, pictures = _shown(output, f"{path.stem}/{len(parts)}")
                parts.append(text)
                for name, content in pictures.items():
                    files.append(File.generated(config, f"notebooks/{name}", content=content))
        link = f'<a href="{path.name}" download>Download this notebook</a> (<a href="index.html">how to open it</a>)'
        parts.insert(1, f"<p>{link}</p>")
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content="\n\n".join(parts)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to notebooks to their pages."""
    return _LINK.sub(r"\1.md", markdown)


def _shown(output: Any, stem: str) -> tuple[str, dict[str, bytes]]:
    """Return an output as Markdown, and the pictures that it shows by their names."""
    if output.output_type == "stream":
        return f"{_FENCE}\n{output.text}{_FENCE}", {}
    data = output.data
    picture = next((kind for kind in data if kind.startswith("image/")), None)
    if picture:
        name = f"{stem}.{picture.removeprefix('image/')}"
        return f"![What the cell above shows]({name})", {name: base64.b64decode(data[picture])}
    if "text/html" in data:
        table = re.sub(r"<style scoped>.*?</style>\s*", "", data["text/html"], flags=re.DOTALL)
        return re.sub(r"<table[^>]*>", "<table>", table), {}
    return f"{_FENCE}\n{data['text/plain']}\n{_FENCE}", {}
