"""An image holds what its commands import: a package that only another image has would be missed at its start."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.cli import COMMANDS

ROOT = Path(__file__).parents[2]
OURS = {"catalog", "ingest", "superres", "server", "client", "infra"}
DOCKERFILE = (ROOT / "infra/docker/Dockerfile").read_text()
TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROJECT = {"": TABLE["dependencies"], **TABLE["optional-dependencies"]}
COMMANDS_OF = {
    "server": {"serve", "keys"},
    "worker": {"serve", "evaluate"},
    "ingest": {"sample", "fetch", "ingest", "report", "verify", "prune", "snapshot", "export", "extend", "aois"}
    | {"backup", "restore", "rebuild", "upgrade"},
    "demo": {
        "demo",
        "up",
        "down",
        "status",
        "serve",
        "sample",
        "ingest",
        "report",
        "verify",
        "backup",
        "restore",
        "upgrade",
    },
}
MODULES_OF = {
    "worker": {"server.sr.replica", "server.sr.ray_upscaler", "superres.torch_runtime"},
    "ingest": {"ingest.ray_executor"},
}
"""What is loaded later: by KubeRay, by a setting, by an option."""


def extras(image: str) -> set[str]:
    (stage,) = re.findall(rf"AS {image}-environment\n(.*?)\n\n", DOCKERFILE, re.DOTALL)
    return set(re.findall(r"--extra (\w+)", stage))


def imports(node: ast.AST) -> Iterator[str]:
    """Yield what is imported when a module is loaded, not within functions and not for types alone."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                yield from (name.name for name in child.names)
            case ast.ImportFrom(module=str(module)):
                yield module
                yield from (f"{module}.{name.name}" for name in child.names if module.split(".")[0] in OURS)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case _:
                yield from imports(child)


def loaded(start: set[str]) -> set[str]:
    """Return the foreign packages that modules of ours load, and those that they load."""
    seen: set[str] = set()
    foreign: set[str] = set()
    waiting = list(start)
    while waiting:
        module = waiting.pop()
        if module.split(".")[0] not in OURS:
            foreign.add(module.split(".")[0])
            continue
        path = ROOT / module.replace(".", "/")
        file = next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)
        if module not in seen and file is not None:
            seen.add(module)
            waiting.extend(imports(ast.parse(file.read_text())))
            waiting.append(module.rpartition(".")[0] or module)
    return foreign - sys.stdlib_module_names


def requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # for another system
        return []


def held(names: set[str]) -> set[str]:
    """Return the distributions that the project brings with these extras."""
    found: set[tuple[str, str]] = set()
    waiting = [("worldstrat", extra) for extra in ("", *names)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for one in map(Requirement, PROJECT.get(extra, []) if name == "worldstrat" else requires(name)):
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting.extend((canonicalize_name(one.name), wanted) for wanted in ("", *one.extras))
    return {name for name, _ in found}


@pytest.mark.parametrize("image", COMMANDS_OF)
def test_an_image_holds_what_its_commands_load(image: str) -> None:
    assert COMMANDS_OF[image] <= set(COMMANDS)
    start = {COMMANDS[name][0].partition(":")[0] for name in COMMANDS_OF[image]}
    needed = loaded(start | MODULES_OF.get(image, set()) | {"infra.cli"})
    assert len(needed) > 10
    there, of = held(extras(image)), metadata.packages_distributions()
    missing = {name for name in needed if not {canonicalize_name(one) for one in of.get(name, ["?"])} & there}
    assert missing == set()
