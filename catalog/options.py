"""Options of the command line that commands of several rooms share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_Command = Callable[..., Any]


def data_option(
    told: str = "Folder of the local stack; PG* and WORLDSTRAT_STORE name services elsewhere.",
) -> Callable[[_Command], _Command]:
    """Give a command `--data`, the folder of the local stack; `told` is its line of help."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="WORLDSTRAT_DATA",
        default=Path("worldstrat-data"),
        show_default=True,
        help=told,
    )


schemas_option = click.option(
    "--schemas",
    type=click.Path(path_type=Path),
    help="Folder with the STAC extensions' schemas and their index.json: validate items against all of them.",
)
"""Give a command `--schemas`."""
