"""`worldstrat serve`."""

import os
from pathlib import Path
from typing import Any

import click
import uvicorn
from pydantic import ValidationError

from catalog.errors import WorldStratError
from catalog.options import data_option
from server.app import create_app, create_app_from_environment
from server.errors import in_words
from server.lifespan import check_database
from server.settings import load_settings

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
    # ProxyMiddleware reads the proxy's headers, and more of them than uvicorn does.
    options: dict[str, Any] = {"host": host, "port": port, "proxy_headers": False, "server_header": False}
    if workers > 1:
        uvicorn.run(FACTORY, factory=True, workers=workers, **options)
    else:
        uvicorn.run(create_app(settings), **options)
