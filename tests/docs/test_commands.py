"""Every `worldstrat` command that a page shows is one that the command line takes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from infra.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHERS = {"--mode static"}
"""Options in the text that belong to other programs: vite's."""


def shown_commands(text: str) -> list[str]:
    """Return command lines of code blocks, and those within the text, `[optional]` parts included."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    blocks += re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    between = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`((?:\w+=\S+ )*worldstrat [^`]+)`", between)
    found = [re.sub(r"^([A-Z_]+=\S+ )+", "", line) for line in lines + inline]
    return [re.sub(r"[\[\]]", "", line) for line in found if line.startswith("worldstrat ")]


def parse(line: str) -> click.Command:
    """Find the command of a line and hand it the rest; values are not looked at."""
    command: click.Command = main
    context = click.Context(main, info_name="worldstrat")
    words = shlex.split(line, comments=True)[1:]
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words.pop(0))
        assert found is not None, f"no such command: {line}"
        command, context = found, click.Context(found, parent=context, info_name=found.name)
    command.make_parser(context).parse_args(words)
    return command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_that_it_shows_is_taken_by_the_command_line(page: Path) -> None:
    for line in shown_commands(page.read_text("utf-8")):
        try:
            parse(line)
        except click.UsageError as error:
            pytest.fail(f"{line}: {error.format_message()}")


def test_commands_are_found_where_pages_show_them() -> None:
    shown = {page.name: shown_commands(page.read_text("utf-8")) for page in PAGES}

    assert (
        "worldstrat download camps --source UNHCR --split train --max-cloud 10 --layout published" in shown["README.md"]
    )
    assert "worldstrat serve" in shown["super-resolution-workers.md"]
    assert any("--exclude-existing --out aois.geojson" in line for line in shown["extend.md"])
    assert "worldstrat evaluate --images chips/ --model DIR --json" in shown["super-resolution.md"]


@pytest.mark.parametrize("line", ["worldstrat serve --prot 80", "worldstrat verify --json --data"])
def test_an_option_that_does_not_exist_or_lacks_its_value_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line)


def options_of(command: click.Command, context: click.Context) -> set[str]:
    names = {name for param in command.get_params(context) for name in (*param.opts, *param.secondary_opts)}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            assert sub is not None
            names |= options_of(sub, click.Context(sub, parent=context, info_name=name))
    return names


def test_every_option_that_the_text_names_is_one_of_some_command() -> None:
    known = options_of(main, click.Context(main, info_name="worldstrat"))
    named = {
        f"{page.name}: {option}"
        for page in PAGES
        for option in re.findall(r"`(--[^`]+)`", page.read_text("utf-8"))
        if option not in OTHERS and option.split()[0] not in known
    }
    assert named == set()
