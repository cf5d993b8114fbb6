"""The reference of the Python packages that scripts import: a page of each, with all its modules."""  # noqa: INP001

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "client": "What a script uses: queries in the dataset's own words, and downloads of what they find.",
    "catalog": "What WorldStrat is in STAC: bands, classes, items, hashes, the way into pgSTAC and the store.",
}
_COMMANDS = ("cli", "options")
"""Modules of the command line; its reference is a page of its own."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for package, says in PACKAGES.items():
        text = "\n\n".join([f"# Python: {package}", says, *(f"::: {name}" for name in _modules(package))])
        files.append(File.generated(config, f"reference/{package}.md", content=f"{text}\n"))
    return files


def _modules(package: str) -> list[str]:
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / package).rglob("*.py")]
    meant = [path.parts for path in paths if path.name != "__init__" and not path.name.endswith(_COMMANDS)]
    return [".".join(parts) for parts in sorted(meant, key=lambda parts: (len(parts), parts))]
