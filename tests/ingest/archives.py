"""Archives made of a folder, and what a source says of them."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

from ingest.source import AoiFiles, Source

Content = dict[str, tuple[tuple[str, str, str, int | None, bytes], ...]]


def content(source: Source) -> Content:
    """Every file of every AOI: name, level, kind, revisit and bytes."""
    return {
        aoi: tuple((file.name, file.level, file.kind, file.revisit, file.read()) for file in source.files(aoi).files)
        for aoi in source.names()
    }


def problems(files: AoiFiles) -> dict[str, str]:
    return {problem.name: problem.reason for problem in files.problems}


def published(folder: Path, *kinds: str) -> list[Path]:
    """The files of a dataset below folders whose path holds one of these words, all without any."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not kinds or any(kind in path.relative_to(folder).as_posix() for kind in kinds)]


def write_zip(archive: Path, folder: Path, *kinds: str, method: int = zipfile.ZIP_STORED, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", method) as file:
        for path in published(folder, *kinds):
            file.write(path, prefix + path.relative_to(folder).as_posix())
    return archive


def write_tar(archive: Path, folder: Path, *kinds: str, form: int = tarfile.PAX_FORMAT, prefix: str = "") -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as file:
        for path in published(folder, *kinds):
            file.add(path, prefix + path.relative_to(folder).as_posix())
    data = out.getvalue()
    archive.write_bytes(data if archive.suffix == ".tar" else gzip.compress(data, 1))
    return archive
