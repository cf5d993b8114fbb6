"""Server and ingest as the images run them: nobody, no capability, a root that cannot be written to, an empty /tmp."""

import http.client
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from catalog.settings import DatabaseSettings, StoreSettings
from infra.databases import database_env
from infra.ports import free_port
from infra.stores import store_env

if TYPE_CHECKING:
    from tests.conftest import IngestedSample

REPOSITORY = Path(__file__).parents[2]
NOBODY = 65534
PATIENCE = 30.0


def sealed(folder: Path, command: list[str], *, readable: tuple[Path, ...], writable: tuple[Path, ...]) -> list[str]:
    """Return the command that runs `command` below a read-only copy of this machine's root, mounted at `folder`."""
    lines = [
        "mount --make-rprivate /",
        f"mount --rbind / {folder}",
        f"mount -t tmpfs -o mode=1777 tmpfs {folder}/tmp",  # noqa: S108 - the place of the new root
    ]
    shown = [*readable, *writable, REPOSITORY]
    python = Path(sys.base_prefix)
    hidden = next((one for one in python.parents if not one.stat().st_mode & 0o001), None)
    if hidden is not None:  # a home that only its owner may enter
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {folder}{hidden}")
        shown.append(python)
    for path in shown:
        lines += [f"mkdir -p {folder}{path}", f"mount --rbind {path} {folder}{path}"]
        if path not in writable:
            lines.append(f"mount -o remount,bind,ro {folder}{path}")
    nobody = (
        f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"
    )
    lines += [f"mount -o remount,bind,ro {folder}", f"exec chroot {folder} {nobody} {shlex.join(command)}"]
    return ["unshare", "--mount", "sh", "-euc", "\n".join(lines)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("needs root, unshare and setpriv, to mount a read-only root for nobody")
    folder = tmp_path / "root"
    folder.mkdir()
    if subprocess.run(["unshare", "--mount", "mount", "--bind", folder, folder], check=False).returncode:
        pytest.skip("this machine does not let its root mount anything")
    return folder


def environment(database: DatabaseSettings, store: StoreSettings) -> dict[str, str]:
    return {
        **database_env(database),
        **store_env(store),
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",  # noqa: S108 - as in the images
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def get(port: int, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextmanager
def serving(root: Path, database: DatabaseSettings, store: StoreSettings) -> Iterator[tuple[int, int]]:
    """Yield the port and the process id of a sealed `worldstrat serve`."""
    port = free_port()
    command = [sys.executable, "-m", "infra.cli", "serve", "--port", str(port)]
    objects = Path(urlsplit(store.url).path)
    objects.chmod(0o755)
    process = subprocess.Popen(
        sealed(root, command, readable=(objects,), writable=()), env=environment(database, store), cwd="/"
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, "the sealed server has ended; its words are above"
            assert time.monotonic() < deadline, "the sealed server does not answer"
            with suppress(OSError):
                if get(port, "/readyz")[0] == 200:
                    break
            time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_server_searches_and_draws_as_nobody_without_anything_to_write_to(
    root: Path, ingested: "IngestedSample"
) -> None:
    with serving(root, ingested.database, ingested.store) as (port, pid):
        told = status(pid)
        assert set(told["Uid"].split()) == {str(NOBODY)}
        assert {told[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
        assert told["NoNewPrivs"] == "1"
        for place in (REPOSITORY, Path("/var"), Path(sys.prefix), Path(urlsplit(ingested.store.url).path)):
            with pytest.raises(OSError, match="Read-only"):
                Path(f"/proc/{pid}/root{place}/written").touch()

        found = json.loads(get(port, "/stac/search?collections=worldstrat-spot&limit=1")[1])["features"][0]
        item = f"/raster/collections/{found['collection']}/items/{found['id']}"
        code, picture = get(port, f"{item}/preview.png?render=true-color&width=64&height=64")
        assert (code, picture[:4]) == (200, b"\x89PNG")
        asset = urlsplit(found["assets"]["ps" if "ps" in found["assets"] else next(iter(found["assets"]))]["href"])
        assert get(port, asset.path)[0] == 200


def test_ingest_runs_as_nobody_and_writes_to_its_store_alone(
    root: Path, dataset: Path, database: DatabaseSettings, tmp_path: Path
) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    os.chown(objects, NOBODY, NOBODY)
    command = [sys.executable, "-m", "infra.cli", "ingest", str(dataset), "--workers", "2", "--json"]
    done = subprocess.run(
        sealed(root, command, readable=(dataset,), writable=(objects,)),
        env=environment(database, StoreSettings(url=objects.as_uri())) | {"WORLDSTRAT_DATA": "/tmp/data"},  # noqa: S108
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert not report["failures"]
    written = [path for path in objects.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert {path.stat().st_uid for path in written} == {NOBODY}
