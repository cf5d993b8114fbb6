"""One SRC, whatever it is, opened as the parts of a dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from catalog.metadata import METADATA_CSV, SPLIT_CSV, Problem
from ingest.blobs import LocalBlob
from ingest.errors import SourceError
from ingest.folder import FileOrigin, FolderPart
from ingest.names import HR, LR, RAW, as_text, kind_of_root
from ingest.remote import SCHEME, BucketPart, ObjectOrigin, parse_address
from ingest.source import Part
from ingest.tables import TablePart
from ingest.zipped import ZipPart

_ZIP: Final = ".zip"
_TAR: Final = (".tar", ".tar.gz", ".tgz")
_BESIDE: Final = "not read, since folders lie beside it: give it as a SRC of its own if it holds more than they do"
_ACCEPTED: Final = f"a folder, a .zip, a .tar.gz, {METADATA_CSV}, {SPLIT_CSV} or s3://bucket/prefix"


@dataclass(frozen=True)
class Opener:
    """Opens what was given as SRC."""

    cache: Path | None
    """Folder in which indexes of tar archives are kept; beside the archives where there is none."""
    console: Console
    """Where the progress of a long pass over an archive is shown."""

    def open(self, src: str | Path) -> list[Part]:
        """Return the parts that a SRC consists of.

        Raises:
            SourceError: it is not what a dataset comes in.
            ObjectStoreError: a bucket does not answer.
        """
        if isinstance(src, str) and src.startswith(SCHEME):
            return [_open_address(src)]
        if "://" in str(src):
            raise SourceError(f"{src} cannot be read from here: download it first (`worldstrat fetch`), or use s3://.")
        path = Path(src).absolute()
        if path.is_dir():
            return self._open_folder(path)
        if not path.is_file():
            raise SourceError(f"{src} does not exist. Give {_ACCEPTED}.")
        return [self._open_file(path)]

    def _open_folder(self, path: Path) -> list[Part]:
        """Return a folder; where it holds no folders of images but their archives, as downloaded, also these."""
        folder = FolderPart(path)
        found = [file for file in sorted(path.iterdir()) if file.is_file() and kind_of_root(file.name)]
        archives = [file for file in found if file.name.endswith((_ZIP, *_TAR))]
        if folder.holds_images:
            folder.notes = tuple(Problem("", as_text(str(file)), _BESIDE) for file in archives)
            return [folder]
        return [folder, *(self._open_file(file) for file in archives)]

    def _open_file(self, path: Path) -> Part:
        name = path.name.lower()
        _refuse_raw(name, path)
        if name.endswith(_ZIP):
            return ZipPart(LocalBlob(path))
        if name.endswith(_TAR):
            # Only who reads such an archive needs the library.
            from ingest.tarred import TarPart  # noqa: PLC0415

            return TarPart(path, self.cache, self.console)
        if name.endswith(".csv"):
            return TablePart(FileOrigin(path))
        raise SourceError(f"{path} is nothing that a dataset comes in. Give {_ACCEPTED}.")


def _open_address(address: str) -> Part:
    blob = parse_address(address)
    name = blob.key.lower()
    _refuse_raw(name.rpartition("/")[2], address)
    if name.endswith(_ZIP):
        return ZipPart(blob)
    if name.endswith(".csv"):
        return TablePart(ObjectOrigin(blob))
    if name.endswith(_TAR):
        raise SourceError(
            f"{address}: a .tar.gz can only be read from its beginning. Download it first, or extract it to "
            f"{HR}/ and {LR}/ in the bucket."
        )
    return BucketPart(blob)


def _refuse_raw(name: str, given: object) -> None:
    if name.startswith(RAW):
        raise SourceError(f"{given} holds the files as Airbus delivered them, which are not ingested: leave it out.")
