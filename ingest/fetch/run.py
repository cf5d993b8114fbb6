"""All files of a version into a folder: what is there is left, what is missing comes, what fails is told at the end."""

import asyncio
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from ingest.errors import FetchError
from ingest.fetch.download import Download, Pace, check_space
from ingest.fetch.partial import received
from ingest.fetch.progress import FetchProgress
from ingest.fetch.published import USUAL, VERSIONS, PublishedFile
from ingest.fetch.remote import Remote
from ingest.fetch.turns import Turns
from ingest.fetch.verified import Verified

_LOCK: Final = ".worldstrat-fetch.lock"


@dataclass(frozen=True)
class Options:
    """What to fetch, from where, and how."""

    out: Path
    """Folder that the files go to."""
    files: tuple[PublishedFile, ...]
    """The files."""
    url: str
    """Address that the names of the files are added to."""
    connections: int = 4
    """Requests under way at once, of all files together."""
    pace: Pace = field(default_factory=Pace)
    """How to ask."""


@dataclass(frozen=True)
class Fetched:
    """What came of one file."""

    file: PublishedFile
    """What was published."""
    path: Path
    """Where it is."""
    status: str
    """`fetched`, `present` (it was there), or `failed`."""
    reason: str = ""
    """Why it failed."""


def choose(version: str, parts: Sequence[str]) -> tuple[PublishedFile, ...]:
    """Return the files of a version that belong to these parts, to the usual ones where none are named.

    Raises:
        FetchError: the version has not one of them.
    """
    files = VERSIONS[version].files
    missing = sorted(set(parts) - {file.part for file in files})
    if missing:
        raise FetchError(f"Version {version} has no {', '.join(missing)}; it has {', '.join(f.part for f in files)}.")
    return tuple(file for file in files if file.part in (parts or USUAL))


def describe(out: Path, files: Sequence[PublishedFile]) -> list[tuple[PublishedFile, str, int]]:
    """Return each file with its state in a folder (`present`, `partial`, `missing`) and the bytes that are there."""
    verified = Verified(out)
    return [(file, *_state(out / file.name, verified=verified.holds(out / file.name, file.md5))) for file in files]


def fetch(options: Options, console: Console) -> list[Fetched]:
    """Download what is not there yet; progress goes to the console.

    Ctrl-C leaves what came; the same call goes on from there.

    Raises:
        FetchError: the disk has no room, or another fetch writes this folder.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    with _alone(options.out):
        states = describe(options.out, options.files)
        # A file that nobody has verified yet is likely the published one.
        check_space(options.out, sum(_size(file) - there for file, state, there in states if state != "present"))
        with FetchProgress(console) as progress:
            return asyncio.run(_fetch_all(options, progress))


async def _fetch_all(options: Options, progress: FetchProgress) -> list[Fetched]:
    verified = Verified(options.out)
    try:
        async with Remote(options.url, Turns(options.connections)) as remote, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    _fetch_one(Download(file, options.out, rank, options.pace), remote, verified, progress)
                )
                for rank, file in enumerate(options.files)
            ]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]


async def _fetch_one(download: Download, remote: Remote, verified: Verified, progress: FetchProgress) -> Fetched:
    """Fetch one file; what is wrong with it alone does not keep the others."""
    try:
        came = await download.run(remote, verified, progress.of(download.file.name))
    except FetchError as error:
        return Fetched(download.file, download.path, "failed", str(error))
    return Fetched(download.file, download.path, "fetched" if came else "present")


def _state(path: Path, *, verified: bool) -> tuple[str, int]:
    if verified or path.exists():
        return ("present" if verified else "unverified"), path.stat().st_size
    there = received(path)
    return ("partial" if there else "missing"), there


def _size(file: PublishedFile) -> int:
    return file.about if file.size is None else file.size


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second fetch out of a folder.

    Raises:
        FetchError: there is one.
    """
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise FetchError(f"Another fetch writes {folder}. Wait for its end, or stop it.") from error
    finally:
        os.close(lock)
