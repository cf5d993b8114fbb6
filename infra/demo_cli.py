"""`worldstrat demo`."""

from pathlib import Path

import click

from infra.demo import fill, suggest
from infra.session import Wish, foreground, watch
from infra.stack_cli import host_option, port_option, stack_option, tell


@click.command()
@stack_option
@port_option
@host_option
@click.option("--s3", is_flag=True, help="Keep objects in a private S3 server (Ceph radosgw) rather than in files.")
def demo(*, data: Path, port: int | None, host: str, s3: bool) -> None:
    """Start a local stack, fill it with a small procedural sample, and show what to try.

    Stays in the foreground until Ctrl-C, which stops everything. A second run finds the sample and the catalog in
    --data and is quick. `worldstrat down --data DIR` and removing DIR undo it all.
    """
    with foreground(Wish(data, port, host, s3=s3), tell) as stack:
        fill(data)
        click.echo(suggest(stack))
        click.echo(f"Everything is in {stack.record.data}. Ctrl-C stops it; the same command starts it again.")
        watch(stack)
    click.echo("Stopped.")
