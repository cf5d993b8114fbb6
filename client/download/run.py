"""A run: items from a search, their files from the server, a layout on the disk."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from rich.progress import Progress

from catalog.errors import WorldStratError
from client.download.choice import Choice, Wanted
from client.download.cut import finish_cut
from client.download.layout import Downloaded, Layout
from client.download.manifest import Entry, Manifest
from client.download.names import check_item
from client.download.transfer import Transfer
from client.errors import DownloadError
from client.key import KeyAuth

_WAITING: Final = 2
"""Items in memory for each thread: one that is written, one that is asked for."""
TIMEOUT: Final = httpx.Timeout(60, connect=10)


@dataclass
class Summary:
    """What a run did."""

    items: int = 0
    """Items of the search that are in the folder now."""
    kept: int = 0
    """Of these, items that were there already."""
    files: int = 0
    """Files that hold these items."""
    received: int = 0
    """Bytes that came."""
    failures: list[str] = field(default_factory=list)
    """What could not be downloaded, and why."""
    skipped: int = 0
    """Items that have none of the files that were asked for."""
    interrupted: bool = False
    """Whether Ctrl-C ended the run."""

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON has it."""
        return dict(vars(self))


class Downloader:
    """Downloads items to a folder; what is there already is not asked for again."""

    def __init__(self, layout: Layout, manifest: Manifest, choice: Choice, threads: int) -> None:
        self._layout = layout
        self._manifest = manifest
        self._choice = choice
        self._threads = threads
        self.summary = Summary()
        self._paths: set[str] = set()

    def run(self, items: Iterable[Mapping[str, Any]], progress: Progress, total: int | None = None) -> Summary:
        """Download the items of a search, as JSON; Ctrl-C ends the run; files on their way are given up.

        Raises:
            WorldStratError: the search failed; what is there stays.
        """
        bar, stop = progress.add_task("items", total=total), threading.Event()
        with ExitStack() as stack:
            stack.callback(self._complete)
            http = stack.enter_context(httpx.Client(timeout=TIMEOUT, follow_redirects=True, auth=KeyAuth()))
            transfer = Transfer(http, stop)
            pool = stack.enter_context(ThreadPoolExecutor(self._threads, thread_name_prefix="download"))
            try:
                for done in self._results(items, pool, transfer):
                    self._note(done)
                    progress.advance(bar)
            except BaseException as error:
                stop.set()
                pool.shutdown(cancel_futures=True)
                if not isinstance(error, KeyboardInterrupt):
                    raise
                self.summary.interrupted = True
        return self.summary

    def _results(
        self, items: Iterable[Mapping[str, Any]], pool: ThreadPoolExecutor, transfer: Transfer
    ) -> Iterator[Downloaded | str | None]:
        """Yield, in no order, each item that came, or why it did not, or None where there was nothing to do."""
        running: set[Future[Downloaded | str]] = set()
        for item in items:
            wanted = self._missing(item)
            if not isinstance(wanted, list):
                yield wanted
                continue
            running.add(pool.submit(_get, transfer, item, wanted))
            if len(running) >= self._threads * _WAITING:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)

    def _missing(self, item: Mapping[str, Any]) -> list[Wanted] | str | None:
        """Return the files of an item that is to be downloaded, or why it cannot be, or None where it need not."""
        try:
            check_item(item)
        except DownloadError as error:
            return f"{item.get('id')!r}: {error}"
        wanted = self._choice.files(item, self._manifest.held(item))
        if not wanted:
            self.summary.skipped += 1
            return None
        if entry := self._manifest.has(item, _sources(wanted)):
            self.summary.kept += 1
            self._count(entry)
            return None
        return wanted

    def _note(self, result: Downloaded | str | None) -> None:
        if isinstance(result, str):
            self.summary.failures.append(result)
        elif result is not None:
            self.summary.received += sum(map(len, result.contents.values()))
            try:
                entries = self._layout.add(result)
            except DownloadError as error:
                self.summary.failures.append(f"{result.item['id']}: {error}")
                return
            for entry in entries:
                self._manifest.add(entry)
                self._count(entry)

    def _complete(self) -> None:
        """Write what waits, then tables and catalogs, also where the run ended early."""
        for entry in self._layout.close():
            self._manifest.add(entry)
            self._count(entry)
        for entry in self._layout.complete(self._manifest):
            self._manifest.add(entry)

    def _count(self, entry: Entry) -> None:
        self.summary.items += 1
        self._paths |= {file.path for file in entry.files}
        self.summary.files = len(self._paths)


def _get(transfer: Transfer, item: Mapping[str, Any], wanted: list[Wanted]) -> Downloaded | str:
    try:
        contents = {one.key: _finished(item, one, transfer.get(one)) for one in wanted}
    except WorldStratError as error:
        return f"{item['id']}: {error}"
    return Downloaded(item, contents, _sources(wanted), {one.key: one.bands for one in wanted if one.bands})


def _finished(item: Mapping[str, Any], wanted: Wanted, content: bytes) -> bytes:
    return finish_cut(item["assets"][wanted.key], content, wanted.bands) if wanted.bands else content


def _sources(wanted: Iterable[Wanted]) -> dict[str, str | None]:
    # A crop has no checksum before it is made: its address says what it is.
    return {one.key: one.sha256 or one.href for one in wanted}
