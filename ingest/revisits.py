"""What the `.metadata` files of an AOI add to its rows of `metadata.csv`."""

from dataclasses import replace

from catalog.constants import MAX_REVISIT
from catalog.errors import MetadataError
from catalog.metadata import Aoi, Revisit, complete, read_revisit_json
from ingest.errors import RasterError, UnreadError
from ingest.ledger import Ledger
from ingest.names import REVISIT_METADATA
from ingest.source import AoiFiles, SourceFile


def complete_revisits(aoi: Aoi, files: AoiFiles, ledger: Ledger) -> Aoi:
    """Return the AOI with every revisit that there are files of; what its row lacks comes from `.metadata`.

    A revisit without a row is made of its `.metadata` alone. What cannot be read is noted.
    """
    revisits = {revisit.n: revisit for revisit in aoi.revisits}
    listed = frozenset(revisits)
    for file in files.files:
        n = file.revisit
        if n is None or not 1 <= n <= MAX_REVISIT:
            continue
        revisit = revisits.setdefault(n, Revisit(n))
        if file.kind == REVISIT_METADATA:
            revisits[n] = complete(revisit, _read(file, n, ledger, listed=n in listed))
    if listed:
        _note_rows(revisits, listed, files, ledger)
    return replace(aoi, revisits=tuple(revisits[n] for n in sorted(revisits)))


def _read(file: SourceFile, n: int, ledger: Ledger, *, listed: bool) -> Revisit:
    try:
        return read_revisit_json(file.read().decode("utf-8"), n)
    except (RasterError, UnicodeDecodeError, MetadataError) as error:
        ledger.unread |= isinstance(error, UnreadError)
        remedy = "its row of metadata.csv is used" if listed else "and it has no row in metadata.csv"
        ledger.note(file.name, f"{error}; {remedy}")
        return Revisit(n)


def _note_rows(revisits: dict[int, Revisit], listed: frozenset[int], files: AoiFiles, ledger: Ledger) -> None:
    """Note revisits that only the table or only the folder knows."""
    for n in sorted(revisits.keys() - listed):
        file = next(file for file in files.files if file.revisit == n)
        ledger.note(file.name, f"revisit {n} has no row in metadata.csv; its .metadata file is used")
    for n, revisit in sorted(revisits.items()):
        if n in listed and revisit.lowres_date is None:
            ledger.note("metadata.csv", f"nobody says when revisit {n} was taken; its datetime is null")
