"""One file from the server to the disk, and the proof that it is the published one."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.errors import FetchError
from ingest.fetch.partial import Partial
from ingest.fetch.progress import FileProgress
from ingest.fetch.published import PublishedFile
from ingest.fetch.remote import ChangedError, Offer, RangeError, Remote
from ingest.fetch.turns import Patience, UnansweredError
from ingest.fetch.verified import Verified, md5_of

_BEGINNINGS: Final = 5
"""How often a file may change on the server before it is given up."""


@dataclass(frozen=True)
class Pace:
    """How to ask."""

    block: int = 256 << 20
    """Bytes asked for at once; Zenodo counts requests."""
    pause: float = 1.0
    """Seconds to wait after a first failure."""
    save: float = 5.0
    """Seconds between two records of what came: a killed process loses no more."""


class Download:
    """One published file and its place on the disk."""

    def __init__(self, file: PublishedFile, folder: Path, rank: int, pace: Pace) -> None:
        self.file = file
        self.path = folder / file.name
        self._rank = rank
        self._pace = pace

    async def run(self, remote: Remote, verified: Verified, progress: FileProgress) -> bool:
        """Make sure that the file is there as it was published; tell whether it had to be downloaded.

        Args:
            remote: where it is.
            verified: what is known of the folder's files.
            progress: is told how far it is.

        Raises:
            FetchError: the server has no such file, refuses, or sends another one twice.
        """
        if await self._is_published(verified, progress):
            return False
        for _ in range(2):
            await self._download(remote, progress)
            if await self._is_published(verified, progress):
                return True
        raise FetchError(
            f"{self.file.name} is not the published file: its MD5 sum is not {self.file.md5}, twice. "
            f"The last is kept as {self._aside.name}. Does --version name what this server has?"
        )

    @property
    def _aside(self) -> Path:
        return self.path.with_name(f"{self.path.name}.corrupt")

    async def _is_published(self, verified: Verified, progress: FileProgress) -> bool:
        """Tell whether the file is there and has its MD5 sum; set it aside where it has another."""
        md5 = self.file.md5
        if verified.holds(self.path, md5):
            return True
        if not self.path.exists():
            return False
        if md5 is not None:
            progress.begin("checking", self.path.stat().st_size)
            if await asyncio.to_thread(md5_of, self.path, progress.advance) != md5:
                self.path.replace(self._aside)
                progress.tell(f"{self.path.name} has not its published MD5 sum: set aside as {self._aside.name}")
                return False
        verified.add(self.path, md5)
        return True

    async def _download(self, remote: Remote, progress: FileProgress) -> None:
        """Download the file, from the beginning as often as it changes on the server.

        Raises:
            FetchError: the server has none, refuses, or changes it too often.
        """
        patience, honest, last = Patience(self._pace.pause, progress.tell), True, None
        for _ in range(_BEGINNINGS):
            offer = await self._ask(remote, patience)
            honest = honest and offer != last
            try:
                await self._fill(remote, offer, progress, patience, ranges=honest and offer.ranges)
            except ChangedError:
                last = offer  # the same offer again: it does not keep to its own ranges
            except RangeError:
                honest = False
            else:
                return
        raise FetchError(f"{self.file.name} changes on the server faster than it can be downloaded.")

    async def _ask(self, remote: Remote, patience: Patience) -> Offer:
        while True:
            try:
                offer = await remote.offer(self.file.name, self._rank)
            except UnansweredError as reason:
                await patience.wait(self.file.name, reason)
                continue
            return Offer(self._check_size(offer.size), offer.validator, offer.ranges)

    def _check_size(self, offered: int | None) -> int:
        size = self.file.size if offered is None else offered
        if size is None:
            raise FetchError(f"The server does not say how large {self.file.name} is.")
        if self.file.size not in {None, size}:
            raise FetchError(
                f"{self.file.name} has {size:,} bytes on this server, the published one {self.file.size:,}. "
                "--version names another version, --base-url another server."
            )
        return size

    async def _fill(
        self, remote: Remote, offer: Offer, progress: FileProgress, patience: Patience, *, ranges: bool
    ) -> None:
        """Bring all bytes to the disk, by ranges, or in one answer."""
        size = offer.size or 0
        block = self._pace.block if ranges else max(1, size)
        with Partial.open(self.path, size=size, validator=offer.validator, block=block) as partial:
            check_space(self.path.parent, size - partial.received)
            progress.begin("fetching", size, partial.received)
            transfer = _Transfer(
                self.file.name, self._rank, self._pace.save, remote, offer, partial, progress, patience
            )
            if ranges:
                await transfer.by_ranges()
            else:
                await transfer.at_once()
            partial.finish()


@dataclass(frozen=True)
class _Transfer:
    """The bytes of one state of a file."""

    name: str
    rank: int
    save: float
    remote: Remote
    offer: Offer
    partial: Partial
    progress: FileProgress
    patience: Patience

    async def by_ranges(self) -> None:
        """Fill what is missing, some blocks at a time."""
        missing = self.partial.unfinished()
        blocks = iter(missing)
        saving = asyncio.create_task(self._keep_saving())
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self.remote.connections, len(missing))):
                    workers.create_task(self._work(blocks))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            saving.cancel()
            with suppress(asyncio.CancelledError):
                await saving

    async def at_once(self) -> None:
        """Read the whole file, from its beginning after every failure."""
        best = 0
        while True:
            try:
                return await self._read_all()
            except UnansweredError as reason:
                if self.partial.received > best:
                    best = self.partial.received
                    self.patience.restore()
                await self.patience.wait(self.name, reason)

    async def _read_all(self) -> None:
        self.partial.restart()
        self.progress.begin("fetching", self.offer.size or 0)
        async with aclosing(self.remote.read(self.name, self.rank)) as chunks:
            async for data in chunks:
                self.progress.advance(self.partial.write(0, data))
        self._expect_end(0)

    async def _work(self, blocks: Iterator[int]) -> None:
        for number in blocks:
            while self.partial.left(number):
                try:
                    await self._read_block(number)
                except UnansweredError as reason:
                    await self.patience.wait(self.name, reason)

    async def _read_block(self, number: int) -> None:
        span = self.partial.span(number)
        async with aclosing(self.remote.read_span(self.name, self.rank, span, self.offer)) as chunks:
            async for data in chunks:
                self.progress.advance(self.partial.write(number, data))
                self.patience.restore()
                if not self.partial.left(number):
                    return
        self._expect_end(number)

    def _expect_end(self, number: int) -> None:
        if self.partial.left(number):
            raise UnansweredError("the answer ended early")

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(self.save)
            saving = asyncio.create_task(asyncio.to_thread(self.partial.save))
            try:
                await asyncio.shield(saving)
            except asyncio.CancelledError:
                await saving  # the file must not be closed under it
                raise


def check_space(folder: Path, needed: int) -> None:
    """Make sure that a disk has room.

    Raises:
        FetchError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FetchError(
            f"{needed / 1e9:,.1f} GB are still to come, and the disk of {folder} has {free / 1e9:,.1f} GB free. "
            "Make room, choose another folder, or fewer files with --part."
        )
