"""The `worldstrat` command: a table of commands, each imported only when it is asked for."""

import errno
import sys
from importlib import import_module
from typing import Any

import click

from catalog.errors import WorldStratError

# name: (module:command, the line that `worldstrat --help` shows; the command's own help says more)
COMMANDS = {
    "demo": ("infra.demo_cli:demo", "Start a stack with a small sample in it, and show what to try."),
    "up": ("infra.stack_cli:up", "Start the local stack: database, object store, web server."),
    "down": ("infra.stack_cli:down", "Stop the local stack; its data stays."),
    "status": ("infra.stack_cli:status", "Ask every service of the local stack how it is."),
    "sample": ("ingest.sample.cli:sample", "Make a small procedural dataset in the published layout."),
    "fetch": (
        "ingest.fetch.cli:fetch_command",
        "Download the published dataset from Zenodo; goes on where it was interrupted.",
    ),
    "ingest": ("ingest.cli:ingest", "Bring a WorldStrat folder into the catalog and the object store."),
    "report": ("ingest.report_cli:report", "Show the last runs of ingest: as a table, JSON or a page."),
    "verify": ("ingest.verify_cli:verify", "Check that the catalog and the store hold what was ingested; repair."),
    "prune": ("ingest.prune_cli:prune", "Remove objects from the store that no item names."),
    "snapshot": ("ingest.snapshot_cli:snapshot", "Write each collection's items as GeoParquet into the store."),
    "backup": ("infra.backup_cli:backup", "Write the whole catalog, its database, into a folder or a bucket."),
    "restore": ("infra.backup_cli:restore", "Bring the catalog back from a backup."),
    "rebuild": ("infra.backup_cli:rebuild", "Make the catalog anew from the object store alone."),
    "upgrade": ("infra.upgrade_cli:upgrade", "Bring the catalog to this version of the software."),
    "export": ("ingest.export_cli:export", "Write the catalog as static STAC files."),
    "extend": ("ingest.extend.cli:extend", "Add AOIs: find, rank and ingest their revisits from any STAC API."),
    "aois": ("ingest.aois.cli:aois", "Draw new AOIs, stratified by land use like the published ones."),
    "search": ("client.search_cli:search", "List the images that a search finds, on any server."),
    "stats": ("client.search_cli:stats", "Count the images that a search finds."),
    "download": ("client.download.cli:download", "Download what a search finds: verified, in three layouts."),
    "models": ("superres.models_cli:models", "List, add and remove super-resolution models."),
    "serve": ("server.cli:serve", "Serve the catalog, the tiles and the page."),
    "keys": ("server.access.keys_cli:keys", "Add, list and remove the API keys of a server."),
    "train": ("superres.cli:train", "Train a network that makes 2.5 m of Sentinel-2's 10 m."),
    "evaluate": ("superres.cli:evaluate", "Score a super-resolution model beside bicubic interpolation."),
}
_INTERRUPTED = 130
# What the operator of the machine can put right; any other OSError is a bug and deserves its traceback.
_OPERATOR_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an expected error becomes one message and exit code 1, Ctrl-C exit code 130."""
        try:
            return super().invoke(ctx)
        except WorldStratError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno not in _OPERATOR_ERRORS:
                raise
            raise click.ClickException(
                f"{error.strerror}: {error.filename or 'the disk of the data folder'}"
            ) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(_INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="worldstrat", prog_name="worldstrat")
def main() -> None:
    """WorldStrat as a service: a catalog, tiles and super-resolution of nearly 4,000 places on Earth.

    `worldstrat demo` shows all of it on this machine.
    """


if __name__ == "__main__":
    sys.exit(main(prog_name="worldstrat"))
