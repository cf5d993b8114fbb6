"""`worldstrat serve`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import uvicorn
from pydantic import ValidationError
from uvicorn.supervisors import Multiprocess

from catalog.errors import WorldStratError
from catalog.options import data_option
from server.app import create_app, create_app_from_environment
from server.errors import in_words
from server.lifespan import check_database
from server.limits.protocol import TimedProtocol
from server.limits.settings import LimitSettings
from server.observe.exposition import FOLDER
from server.observe.logs import configure_logging
from server.observe.settings import ObserveSettings
from server.settings import load_settings
from server.sr.settings import SuperResolutionSettings

_HEALTH_SECONDS = 30  # after which a process that does not answer is replaced; a busy machine takes its time
FACTORY = f"{create_app_from_environment.__module__}:{create_app_from_environment.__name__}"


@click.command()
@data_option("Folder of the local stack; not needed where PGHOST and WORLDSTRAT_STORE are set.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--root-path", envvar="WORLDSTRAT_ROOT_PATH", default="", help="Prefix at a proxy, such as /api/v1.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes.")
def serve(data: Path, host: str, port: int, root_path: str, workers: int) -> None:
    """Serve the catalog, the tiles and the page.

    Runs in the foreground until Ctrl-C. The database and the object store are those of the local stack in --data,
    unless PG* and WORLDSTRAT_STORE / AWS_* name others.
    """
    # Workers are new processes that build their own settings: the environment is what reaches them.
    os.environ["WORLDSTRAT_DATA"] = str(data.absolute())
    os.environ["WORLDSTRAT_ROOT_PATH"] = root_path
    try:
        settings = load_settings(data)
        check_database(settings.database)
    except WorldStratError as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        raise click.ClickException(in_words(error.errors())) from error
    configure_logging(ObserveSettings())
    if workers > 1 or SuperResolutionSettings().ray_address:
        with _counting_together():
            _supervise(uvicorn.Config(FACTORY, factory=True, workers=workers, host=host, port=port, **_options()))
    else:
        uvicorn.run(create_app(settings), host=host, port=port, **_options())


def _supervise(config: uvicorn.Config) -> None:
    """Run the processes, and others in the place of those that die.

    One alone is watched over too where it belongs to a Ray cluster: Ray ends a process whose node is gone.
    """
    config.timeout_worker_healthcheck = _HEALTH_SECONDS
    with config.bind_socket() as listener:
        Multiprocess(config, [listener]).run()


def _options() -> dict[str, Any]:
    """Return what uvicorn is told: it logs as we do, and leaves the proxy's headers and each request's line to us."""
    limits = LimitSettings()
    return {
        "proxy_headers": False,
        "server_header": False,
        "log_config": None,
        "access_log": False,
        "http": TimedProtocol,
        "limit_concurrency": limits.connections,
        "timeout_keep_alive": limits.keep_alive,
    }


@contextmanager
def _counting_together() -> Iterator[None]:
    """Name a folder in which processes put their counters together; they must know of it before they count."""
    with TemporaryDirectory(prefix="worldstrat-metrics-") as folder:
        os.environ[FOLDER] = folder
        yield
