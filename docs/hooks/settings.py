"""The reference of the environment variables, made of the settings' own classes and docstrings."""  # noqa: INP001

from importlib import import_module
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "Database": "catalog.settings.DatabaseSettings",
    "Object store": "catalog.settings.StoreSettings",
    "Server": "server.settings.ServerSettings",
    "Access": "server.access.settings.AccessSettings",
    "Limits": "server.limits.settings.LimitSettings",
    "Logs, counters and traces": "server.observe.settings.ObserveSettings",
    "Tiles": "server.raster.routes.RasterSettings",
    "Super-resolution": "server.sr.settings.SuperResolutionSettings",
}
HEAD = (
    "# Settings\n\nEach is a variable of the environment. Where database and store are not named, those of the local "
    "stack in `--data` are used ([operations](../operations.md))."
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    sections = [f"## {title}\n\n{_table(path)}" for title, path in SETTINGS.items()]
    files.append(File.generated(config, "reference/settings.md", content="\n\n".join([HEAD, *sections, ""])))
    return files


def _table(path: str) -> str:
    module, _, name = path.rpartition(".")
    kind: type[BaseSettings] = getattr(import_module(module), name)
    file = ROOT / f"{module.replace('.', '/')}.py"
    documented = griffe.visit(module, filepath=file, code=file.read_text("utf-8"))[name]
    rows = [
        f"| `{_variable(kind, field, told)}` | {_default(told)} | {_one_line(documented[field].docstring.value)} |"
        for field, told in kind.model_fields.items()
        if not (isinstance(told.annotation, type) and issubclass(told.annotation, BaseSettings))
    ]
    return "\n".join(["| variable | default | |", "|---|---|---|", *rows])


def _variable(kind: type[BaseSettings], field: str, told: FieldInfo) -> str:
    return told.alias or f"{kind.model_config['env_prefix']}{field}".upper()


def _default(told: FieldInfo) -> str:
    if told.default is PydanticUndefined:
        return "required"
    if isinstance(told.default, Path):
        return "in the package"
    value = ", ".join(told.default) if isinstance(told.default, tuple) else str(told.default)
    return f"`{value}`" if value not in ("", "None", "False", "{}") else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
