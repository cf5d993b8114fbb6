"""Code blocks of the pages: what each one is, and what of it a test can run."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

Kind = Literal["shell", "python", "addresses", "sql", "text"]
LANGUAGES: dict[str, Kind] = {
    **dict.fromkeys(("sh", "bash", "shell", "console"), "shell"),
    "python": "python",
    "sql": "sql",
    # Not ours to run: configuration, answers, pictures of folders, programs of a browser or of QGIS (tests/clients).
    **dict.fromkeys(("text", "json", "yaml", "toml", "ini", "html", "pyqgis", "hcl", "nginx", "promql"), "text"),
}
EXCUSED_PROGRAMS = {
    "aws": "needs an account of AWS",
    "cd": "goes to a folder of the operator",
    "docker": "needs a Docker daemon",
    "git": "needs the published repository",
    "jupyter": "stays until Ctrl-C",
    "helm": "needs a Kubernetes cluster",
    "kubectl": "needs a Kubernetes cluster",
    "make": "is what CI runs, or takes as long",
    "npm": "installs packages",
    "pip": "installs packages",
    "sudo": "changes the machine",
    "systemctl": "changes the machine",
    "terraform": "needs an account of AWS",
    "unshare": "measures for minutes",
}
"""Programs that no test runs, and why."""
EXCUSED_COMMANDS = {
    r"worldstrat fetch (?!.*--only-list)": "needs 93 GB from Zenodo",
    r"worldstrat (demo|serve|up)\b(?!.*--(detach|help))": "stays until Ctrl-C; tests/infra and tests/server run it",
    r"worldstrat ingest .*\.(zip|tar\.gz)": "needs the published archives; tests/ingest runs smaller ones",
    r"infra/docker/": "makes secrets for a Docker daemon",
    r".*\$\(terraform": "needs an account of AWS",
    r"worldstrat (rebuild|restore)": "takes the place of the catalog; tests/infra runs both",
    r"worldstrat train": "takes minutes; tests/superres runs a shorter one",
    r"worldstrat .*--ray-address HOST": "needs a Ray cluster; tests/ingest runs one",
    r"worldstrat .*s3://": "needs a bucket of the operator; tests/ingest runs one",
    r"(\.venv/bin/)?python benchmarks": "measures for minutes",
    r"python docs/notebooks": "tests/docs/test_notebooks.py runs them",
    r"curl .*(sudo|https://)": "asks another host",
}
"""The same of commands, by how they begin."""
PROGRAMS = {"curl", "export", "gdalinfo", "jq", "ogr2ogr", "psql", "python", "worldstrat", *EXCUSED_PROGRAMS}
"""What begins a command in a block that names no language."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"<!-- not run: (?P<reason>[^>]+?) -->\s*$")
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:8000)?/(raster|stac|assets|access|healthz|readyz|metrics|docs|openapi)\b")


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    page: str
    """Path of the page from the root of the repository."""
    line: int
    """Line of the page on which it begins."""
    language: str
    """What stands behind the opening backticks, often nothing."""
    text: str
    mark: str | None
    """The reason that the page gives, in the comment above, for which it cannot be run."""

    @property
    def where(self) -> str:
        """Place of the block, as editors open it."""
        return f"{self.page}:{self.line}"

    @property
    def kind(self) -> Kind | None:
        """What the block is; None where nobody can tell."""
        if self.language:
            return LANGUAGES.get(self.language)
        lines = [line for line in self.text.splitlines() if line.strip() and not line.startswith("#")]
        if all(_ADDRESS.match(line) for line in lines):
            return "addresses"
        if any(program(line) in PROGRAMS for line in lines):
            return "shell"
        return "text" if re.search(r"[─│├└►]", self.text) else None

    @property
    def commands(self) -> list[str]:
        """Commands of a block of shell, each on one line; of a console what stands behind the prompt."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        lines = [line.strip() for line in joined.splitlines()]
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in lines if line and not line.startswith("#")]

    @property
    def addresses(self) -> list[str]:
        """Addresses of a block of them, without what is said beside them."""
        return [re.split(r"\s{2,}", line)[0] for line in self.text.splitlines() if line.strip()]

    def excuse(self, command: str) -> str | None:
        """Return why a command of the block is not run; None where it is."""
        return (
            self.mark
            or EXCUSED_PROGRAMS.get(program(command))
            or next((reason for pattern, reason in EXCUSED_COMMANDS.items() if re.match(pattern, command)), None)
        )


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        mark = _MARK.search(text[: match.start()].rstrip() + "\n")
        line = text.count("\n", 0, match.start()) + 1
        body = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        found.append(
            Block(page.relative_to(ROOT).as_posix(), line, match["language"], body, mark["reason"] if mark else None)
        )
    return found


def program(line: str) -> str:
    """Return the name of the program that a line begins with, behind assignments."""
    words = [word for word in line.split() if not re.match(r"[A-Za-z_]+=", word)]
    return words[0].rpartition("/")[2] if words else ""
