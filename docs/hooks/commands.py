"""The reference of the `worldstrat` command, made of the commands themselves."""  # noqa: INP001

import inspect
import re
from collections.abc import Iterator

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from infra.cli import main

HEAD = "# The `worldstrat` command\n\nWhat `worldstrat COMMAND --help` says, all in one place."


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    context = click.Context(main, info_name="worldstrat")
    sections = [section for name in main.list_commands(context) for section in _sections(main, name, context)]
    files.append(File.generated(config, "reference/commands.md", content="\n\n".join([HEAD, *sections, ""])))
    return files


def _sections(group: click.Group, name: str, parent: click.Context) -> Iterator[str]:
    """Give the section of a command, then those of its subcommands."""
    command = group.get_command(parent, name)
    if command is None:
        return
    context = click.Context(command, parent=parent, info_name=name)
    path = context.command_path
    usage = f"{path} {' '.join(command.collect_usage_pieces(context))}"
    parts = [f"## {path}", f"```\n{usage}\n```", _plain(inspect.cleandoc(command.help or ""))]
    records = [record for param in command.params if (record := param.get_help_record(context))]
    if records:
        parts.append("\n".join(["| option | |", "|---|---|", *(_row(*record) for record in records)]))
    yield "\n\n".join(parts)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            yield from _sections(command, sub, context)


def _row(names: str, text: str) -> str:
    return f"| `{names}` | {_plain(' '.join(text.split()))} |"


def _plain(text: str) -> str:
    """Escape what Markdown would read as its own, but for code; what click is not to fill is code too."""
    text = re.sub(r"\x08\n((?:.+\n?)+)", "```\n\\1```\n", text)
    escaped = {"<": "&lt;", "|": "&#124;"}
    return re.sub(
        r"(```.*?```|`[^`]*`)|([<*_|\[])",
        lambda found: found[1] or escaped.get(found[2], f"\\{found[2]}"),
        text,
        flags=re.DOTALL,
    )
