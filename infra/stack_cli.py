"""`worldstrat up`, `down` and `status`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from catalog.options import data_option
from infra import record as records
from infra.ports import LOOPBACK
from infra.service import HEALTHY, State
from infra.session import Wish, foreground, start_detached, watch
from infra.stack import Stack

stack_option = data_option("Folder that holds everything of the stack.")
port_option = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the web server.  [default: as last time, else the first free one from 8000]",
)
host_option = click.option(
    "--host", default=LOOPBACK, show_default=True, help="Address of the web server; 0.0.0.0 lets other machines in."
)


@click.command()
@stack_option
@port_option
@host_option
@click.option("--s3", is_flag=True, help="Keep objects in a private S3 server (Ceph radosgw) rather than in files.")
@click.option("--no-server", is_flag=True, help="Start database and object store only.")
@click.option("--detach", is_flag=True, help="Return when all is healthy; `worldstrat down` stops it.")
def up(*, data: Path, port: int | None, host: str, s3: bool, no_server: bool, detach: bool) -> None:
    """Start the local stack: PostgreSQL with pgSTAC, an object store, the web server.

    Stays in the foreground until Ctrl-C and then stops everything, or returns at once with --detach. A second `up`
    starts whatever has stopped and loses nothing. Several stacks live side by side, each in its own --data.

    PGHOST (with PGPORT, PGUSER, PGPASSWORD, PGDATABASE) names a database to use instead of a private one,
    WORLDSTRAT_STORE (with AWS_*) an object store.
    """
    wish = Wish(data, port, host, s3=s3, server=not no_server)
    if detach:
        stack = start_detached(wish, tell)
        click.echo(f"Stop it with `worldstrat down --data {data}`. Logs: {stack.record.logs}")
        return
    with foreground(wish, tell) as stack:
        click.echo(f"Ctrl-C stops everything. Logs: {stack.record.logs}")
        watch(stack)
    click.echo("Stopped.")


@click.command()
@stack_option
def down(*, data: Path) -> None:
    """Stop the local stack; its data stays."""
    stopped = []
    if records.exists(data):
        stopped = Stack(data).dismiss_supervisor()
        with records.locked(data):
            stopped += Stack(data).stop()
    click.echo(f"Stopped: {', '.join(stopped)}" if stopped else f"Nothing runs in {data}.")


@click.command()
@stack_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(context: click.Context, *, data: Path, as_json: bool) -> None:
    """Ask every service of the local stack how it is; the exit code is 0 when all are healthy, else 1."""
    states = Stack(data).states() if records.exists(data) else []
    healthy = bool(states) and all(state.state == HEALTHY for state in states)
    if as_json:
        services = [asdict(state) for state in states]
        click.echo(json.dumps({"data": str(data.absolute()), "healthy": healthy, "services": services}, indent=2))
    elif states:
        for state in states:
            tell(state)
    else:
        click.echo(f"No stack in {data}. Start one with `worldstrat up --data {data}`.", err=True)
    context.exit(0 if healthy else 1)


def tell(state: State, seconds: float | None = None) -> None:
    """Print one line about a service."""
    colour = "green" if state.state == HEALTHY else "red"
    took = "" if seconds is None else f"{seconds:.1f} s"
    detail = "  ".join(part for part in (state.detail, took) if part)
    click.echo(f"{state.name:<10}{click.style(f'{state.state:<11}', fg=colour)}{state.address}  {detail}".rstrip())
