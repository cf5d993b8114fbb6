"""Which PostgreSQL is installed, and the system user that its server runs as."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from infra.errors import FolderError, MissingProgramError
from infra.process import Account

_ACCOUNT = "postgres"
# Debian and Ubuntu, Red Hat, Homebrew on Apple and on Intel processors.
_LAYOUTS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_REMEDY = (
    "Install it with `make install` or `apt-get install postgresql-postgis` (Debian, Ubuntu) "
    "or `brew install postgis` (macOS), or name an existing server by PGHOST."
)


def find_programs(version: int | None = None) -> Path:
    """Return the folder of `initdb` and `postgres`, of the newest major version that has PostGIS unless one is given.

    Args:
        version: major version that existing data was written by; no other can read it.

    Raises:
        MissingProgramError: none is installed, or not that version.
    """
    found = {_major(folder): folder for folder in _candidates()}
    if version is None and found:
        return found[max(found, key=lambda major: (_has_postgis(major), major))]
    if version in found:
        return found[version]
    if version is None:
        raise MissingProgramError(f"PostgreSQL is not installed. {_REMEDY}")
    have = ", ".join(str(major) for major in sorted(found)) or "none"
    raise MissingProgramError(
        f"The data was written by PostgreSQL {version}, which is not installed (found: {have}). "
        f"Install it: `apt-get install postgresql-{version}-postgis-3`."
    )


def find_client(name: str, least: int) -> Path:
    """Return a program of PostgreSQL's clients, of the oldest installed version that knows a server's.

    Args:
        name: `pg_dump`, `pg_restore` or `psql`.
        least: major version of the server, or of the program that wrote what is to be read.

    Raises:
        MissingProgramError: it is not installed, or only older than that.
    """
    on_path = shutil.which(name)
    paths = [folder / name for layout in _LAYOUTS for folder in Path("/").glob(layout.lstrip("/"))]
    paths += [Path(on_path)] if on_path else []
    found = {_client_version(path): path for path in reversed(paths) if path.exists()}
    known = sorted(version for version in found if version >= least)
    if known:
        return found[known[0]]
    have = ", ".join(str(version) for version in sorted(found)) or "none"
    raise MissingProgramError(
        f"{name} of PostgreSQL {least} or later is not installed (found: {have}). "
        f"Install it: `apt-get install postgresql-client-{least}` (Debian, Ubuntu) or `brew install libpq` (macOS)."
    )


def _client_version(path: Path) -> int:
    shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"(\d+)", shown)
    return int(number[1]) if number else 0


def _candidates() -> list[Path]:
    folders = [folder for layout in _LAYOUTS for folder in Path("/").glob(layout.lstrip("/"))]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]


def _major(folder: Path) -> int:
    """Read the major version off a path such as /usr/lib/postgresql/15/bin, else ask the program."""
    named = re.search(r"(?:/|-|@)(\d{2})(?:[./]|$)", str(folder))
    if named:
        return int(named[1])
    answer = os.popen(f"'{folder / 'postgres'}' --version").read()  # noqa: S605 - a path that we found, quoted
    shown = re.search(r"(\d+)", answer)
    return int(shown[1]) if shown else 0


def _has_postgis(major: int) -> bool:
    """Whether Debian's PostGIS of this version is there; elsewhere there is one version with its PostGIS."""
    return Path(f"/usr/share/postgresql/{major}/extension/postgis.control").exists()


def server_account() -> Account | None:
    """Return the user that the server must run as: `postgres` for root, whom it refuses, else None.

    Raises:
        MissingProgramError: we are root and there is no such user.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError as error:
        raise MissingProgramError(
            f"PostgreSQL refuses to run as root and there is no user '{_ACCOUNT}' to run it as. {_REMEDY}"
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)


def closed_parent(folder: Path, account: Account) -> Path | None:
    """Return the first parent of `folder` that the account may not enter, or None."""
    for parent in reversed(folder.resolve().parents):
        state = parent.stat()
        owner, group = state.st_uid == account.uid, state.st_gid == account.gid
        needed = 0o100 if owner else 0o010 if group else 0o001
        if not state.st_mode & needed:
            return parent
    return None


def reachable(folder: Path, account: Account | None) -> tuple[str, int | None]:
    """Return a path by which the account reaches `folder`, and the descriptor that it must inherit for it.

    A stack below /root is usual for root and closed to everyone else. Linux lets a process use a folder that
    it holds open wherever that folder is, so the server inherits it, instead of anyone's home being opened up.

    Raises:
        FolderError: a parent is closed and the system has no /proc to reach around it.
    """
    closed = closed_parent(folder, account) if account else None
    if closed is None:
        return str(folder), None
    if not Path("/proc/self/fd").is_dir():
        raise FolderError(
            f"PostgreSQL runs as user '{_ACCOUNT}', who may not enter {closed}. "
            f"Choose another folder with --data, or allow it: `chmod o+x {closed}`."
        )
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    return f"/proc/self/fd/{descriptor}", descriptor
