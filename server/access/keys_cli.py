"""`worldstrat keys`: the API keys of a server."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import psycopg

from catalog.errors import DatabaseError
from catalog.options import data_option
from catalog.settings import load_database
from server.access import tables
from server.access.caller import SCOPES
from server.access.keys import StoredKey
from server.access.settings import SCOPE

_TIMEOUT = 5

_told = data_option("Folder of the local stack; not needed where PGHOST names the database.")


@click.group()
def keys() -> None:
    """Add, list and remove API keys: what a caller shows to write, or to see private collections.

    They lie in the catalog's database, each as a hash. A caller shows one as `Authorization: Bearer KEY` or
    `X-API-Key: KEY`.
    """


@keys.command()
@click.argument("name")
@_told
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("read",),
    show_default=True,
    help=f"What it allows: {', '.join(SCOPES)}, or a word of your own for single collections. Several times for more.",
)
@click.option("--days", type=click.IntRange(1, 36_500), help="Days for which it is good; for ever unless given.")
def add(*, name: str, data: Path, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key for NAME, and show it this once."""
    if wrong := next((scope for scope in scopes if not SCOPE.fullmatch(scope)), None):
        raise click.BadParameter(f"{wrong!r} is no scope: letters, digits and : . _ / -")
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with _connected(data) as connection:
        key = tables.add_key(connection, name, frozenset(scopes), expires)
    click.echo(key)
    click.echo("Keep it: nobody can show it again.", err=True)


@keys.command(name="list")
@_told
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(*, data: Path, as_json: bool) -> None:
    """List the keys: names, scopes and times, never the keys."""
    with _connected(data) as connection:
        found = tables.list_keys(connection)
    if as_json:
        click.echo(json.dumps([_described(key) for key in found], indent=2))
    elif not found:
        click.echo("There are no keys.", err=True)
    for key in () if as_json else found:
        told = _described(key)
        ends = f"{'expired' if key.is_expired else 'until'} {told['expires']}" if key.expires else "for ever"
        click.echo(f"{key.name:<24}{' '.join(sorted(key.scopes)):<24}since {told['created']}  {ends}")


@keys.command()
@click.argument("name")
@_told
def remove(*, name: str, data: Path) -> None:
    """Take the key of NAME away; servers notice within seconds."""
    with _connected(data) as connection:
        tables.remove_key(connection, name)
    click.echo(f"Removed {name}.")


def _described(key: StoredKey) -> dict[str, object]:
    return {
        "name": key.name,
        "id": key.id,
        "scopes": sorted(key.scopes),
        "created": f"{key.created:%Y-%m-%d}",
        "expires": f"{key.expires:%Y-%m-%d}" if key.expires else None,
    }


def _connected(data: Path) -> tables.Connection:
    try:
        return psycopg.connect(load_database(data).dsn, connect_timeout=_TIMEOUT)
    except psycopg.Error as error:
        raise DatabaseError(f"The database does not answer: {str(error).splitlines()[0]}") from error
