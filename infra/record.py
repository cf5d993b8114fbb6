"""What a data folder remembers of its stack: `stack.json` for us, `stack.env` for every other command."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from catalog.settings import STACK_ENV
from infra.errors import FolderError, StackBusyError
from infra.ports import LOOPBACK
from infra.process import Daemon

_RECORD = "stack.json"
_LOCK = "stack.lock"
_VERSION = 1


@dataclass
class Record:
    """The choices, the ports and the processes of one stack."""

    data: Path
    """The data folder."""
    database: str = "private"
    """Where the database is: `private` or `external`."""
    store: str = "files"
    """Where the objects are: `files`, `s3` (the private radosgw) or `external`."""
    server: bool = True
    """Whether the web server belongs to the stack."""
    host: str = LOOPBACK
    """Address that the web server was last told to listen on."""
    ports: dict[str, int] = field(default_factory=dict)
    """Port of each service on 127.0.0.1; kept, so that addresses stay the same."""
    daemons: dict[str, Daemon] = field(default_factory=dict)
    """The processes, as far as they are known to run."""
    supervisor: Daemon | None = None
    """The `up` that starts this stack, or stays in the foreground with it."""

    @property
    def logs(self) -> Path:
        """Folder of the logs of all services."""
        return self.data / "logs"

    @property
    def objects(self) -> Path:
        """Folder of the store of files."""
        return self.data / "objects"

    def save(self) -> None:
        """Write the record, at once or not at all."""
        values = {"version": _VERSION, **asdict(self)}
        del values["data"]
        _replace(self.data / _RECORD, json.dumps(values, indent=2) + "\n", mode=0o644)


def exists(data: Path) -> bool:
    """Whether a stack was ever started in this folder."""
    return (data / _RECORD).exists()


def load(data: Path) -> Record:
    """Return the record of a data folder, a new one where there is none.

    Raises:
        FolderError: the record cannot be read.
    """
    path = data / _RECORD
    if not path.exists():
        return Record(data)
    try:
        values = json.loads(path.read_text())
        values.pop("version")
        values["daemons"] = {name: Daemon(**daemon) for name, daemon in values["daemons"].items()}
        values["supervisor"] = Daemon(**values["supervisor"]) if values["supervisor"] else None
        return Record(data, **values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(
            f"{path} cannot be read ({error}). Remove it: data and objects beside it are kept."
        ) from error


def write_env(data: Path, values: dict[str, str]) -> bool:
    """Write `stack.env`, readable by its owner alone; return whether it says anything new."""
    text = "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())
    path = data / STACK_ENV
    known = path.read_text() if path.exists() else None
    _replace(path, text, mode=0o600)
    return text != known


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data folder against every other command that starts or stops its stack.

    Raises:
        StackBusyError: another one holds it.
    """
    with (data / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise StackBusyError(
                f"Another worldstrat command (process {lock.read().strip()}) is at work on {data}. "
                f"End it with Ctrl-C or `worldstrat down --data {data}`, or choose another --data."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _quoted(value: str) -> str:
    # A dotenv reader replaces ${NAME} even between single quotes; of a name that nobody sets it takes the default: $.
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${WORLDSTRAT_UNSET:-$}{")
    return f"'{escaped}'"


def _replace(path: Path, text: str, *, mode: int) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:  # noqa: PTH123 - mode at birth
        file.write(text)
    fresh.replace(path)
