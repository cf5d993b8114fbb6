"""What the tests of the client share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.cli import main


@pytest.fixture(scope="session")
def cli(live_server: str) -> Callable[..., Result]:
    """The `worldstrat` command against the server of the small dataset, in this process."""

    def run(command: str, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [command, "--url", f"{live_server}/stac", *map(str, arguments)])

    return run
