"""A file on its way: its bytes in `NAME.part`, and beside it in `NAME.part.json` how many of each block are there."""

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass
class _Record:
    size: int
    validator: str | None
    block: int
    have: list[int]


class Partial:
    """Blocks of one file that are filled in any order, each from its beginning."""

    def __init__(self, path: Path, record: _Record) -> None:
        self.path = path
        self._record = record
        self._whole = False
        self._file = os.open(_part(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, size: int, validator: str | None, block: int) -> Iterator[Self]:
        """Go on with what lies there if it is of the same file, begin anew otherwise; keep what came when left.

        Args:
            path: where the whole file will be.
            size: its bytes.
            validator: what the server knows this state of it by (ETag or date), None where it says nothing.
            block: bytes of a block.
        """
        record = _read(path)
        if record is None or (record.size, record.validator, record.block) != (size, validator, block):
            record = _Record(size, validator, block, [0] * max(1, -(-size // block)))
            _part(path).unlink(missing_ok=True)
        partial = cls(path, record)
        with closing(partial):
            yield partial

    def close(self) -> None:
        """Write down what is there, once it is on the disk."""
        if not self._whole:
            self.save()
        os.close(self._file)

    @property
    def received(self) -> int:
        """Bytes that are there."""
        return sum(self._record.have)

    def unfinished(self) -> list[int]:
        """Return the numbers of the blocks that are not complete."""
        return [number for number in range(len(self._record.have)) if self.left(number)]

    def left(self, number: int) -> int:
        """Return how many bytes a block lacks."""
        return self._end(number) - self._next(number)

    def span(self, number: int) -> tuple[int, int]:
        """Return first and last byte that a block lacks."""
        return self._next(number), self._end(number) - 1

    def write(self, number: int, data: bytes) -> int:
        """Add bytes to a block and return how many belonged to it."""
        rest = memoryview(data)[: self.left(number)]
        count = len(rest)
        while rest:
            written = os.pwrite(self._file, rest, self._next(number))
            self._record.have[number] += written
            rest = rest[written:]
        return count

    def restart(self) -> None:
        """Forget what is there: the next bytes come from the beginning."""
        self._record.have = [0] * len(self._record.have)

    def save(self) -> None:
        """Write down what is there. Bytes first: a record must not promise what a power failure takes away."""
        text = json.dumps(asdict(self._record))
        os.fdatasync(self._file)
        note = _note(self.path)
        temporary = note.with_suffix(".tmp")
        temporary.write_text(text)
        temporary.replace(note)

    def finish(self) -> None:
        """Give the whole file its name."""
        os.fsync(self._file)
        _part(self.path).replace(self.path)
        _note(self.path).unlink(missing_ok=True)
        self._whole = True

    def _next(self, number: int) -> int:
        return number * self._record.block + self._record.have[number]

    def _end(self, number: int) -> int:
        return min((number + 1) * self._record.block, self._record.size)


def received(path: Path) -> int:
    """Return how many bytes of a file are there from an earlier run."""
    record = _read(path)
    return 0 if record is None else sum(record.have)


def _read(path: Path) -> _Record | None:
    try:
        record = _Record(**json.loads(_note(path).read_bytes()))
        held = _part(path).stat().st_size
    except (OSError, ValueError, TypeError):
        return None
    # Whoever shortened the file has left a record of more than there is.
    ends = [number * record.block + count for number, count in enumerate(record.have) if count]
    return record if max(ends, default=0) <= held else None


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.part.json")
