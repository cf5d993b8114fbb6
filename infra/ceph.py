"""The cluster under the private S3 server: its files and the commands that make them."""

import json
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from uuid import uuid4

from infra.ceph_config import CephConfig, choose_identity
from infra.errors import MissingProgramError, ServiceError
from infra.ports import LOOPBACK
from infra.process import Daemon, is_alive

MON, OSD, RGW = "ceph-mon", "ceph-osd", "radosgw"
TIMEOUT = 120.0
_PACKAGES = {
    "ceph-mon": "ceph-mon",
    "monmaptool": "ceph-common",
    "ceph": "ceph-common",
    "ceph-osd": "ceph-osd",
    "radosgw": "radosgw",
    "radosgw-admin": "radosgw",
}
_USER = "worldstrat"


class CephCluster:
    """One mon, one osd and one S3 user, as files of a folder.

    Args:
        folder: where all of it is kept.
        mon_port: port of the mon.
        rgw_port: port of the S3 endpoint.
    """

    def __init__(self, folder: Path, mon_port: int, rgw_port: int) -> None:
        self.folder = folder
        self.mon_port = mon_port
        self.rgw_port = rgw_port

    @property
    def identity(self) -> dict[str, str]:
        """What was drawn when the folder was made: fsid, osd, access_key, secret_key, block_size."""
        identity: dict[str, str] = json.loads((self.folder / "identity.json").read_text())
        return identity

    @property
    def config(self) -> CephConfig:
        """The configuration file for the ports of this start."""
        known = self.identity
        return CephConfig(self.folder, known["fsid"], int(known["block_size"]), self.mon_port, self.rgw_port)

    def prepare(self) -> None:
        """Make the folders, draw the identity, and tell the mon its port.

        A mon knows its own address only from its own map, so a map of this start's port is put into it.
        """
        for part in ("mon", "osd", "rgw"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        if not (self.folder / "identity.json").exists():
            self._draw_identity()
        self.config.write()
        monmap = str(self.folder / "monmap")
        address = f"[v1:{LOOPBACK}:{self.mon_port}]"
        self.run("monmaptool", "--create", "--clobber", "--fsid", self.config.fsid, "--addv", "a", address, monmap)
        if (self.folder / "mon" / "store.db").exists():
            self.run(MON, "-i", "a", "--inject-monmap", monmap)
        else:
            self.run(MON, "-i", "a", "--mkfs", "--monmap", monmap)

    def make_osd(self, mon: Daemon) -> None:
        """Make the osd when it is missing; the mon runs.

        Raises:
            ServiceError: the mon ended or did not answer.
        """
        if (self.folder / "osd" / "ready").exists():
            return
        self._wait_for(mon)
        uuid = self.identity["osd"]
        self.run("ceph", "osd", "new", uuid, "0")
        self.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h1")
        self.run(OSD, "-i", "0", "--mkfs", "--osd-uuid", uuid)

    def make_user(self) -> None:
        """Make the S3 user when it is missing; all daemons run."""
        made = self.folder / "user"
        if made.exists():
            return
        if not self._runs("radosgw-admin", "user", "info", "--uid", _USER):
            keys = ["--access-key", self.identity["access_key"], "--secret-key", self.identity["secret_key"]]
            self.run("radosgw-admin", "user", "create", "--uid", _USER, "--display-name", "WorldStrat", *keys)
        made.touch()

    def run(self, program: str, *arguments: str) -> None:
        """Run one command of Ceph to its end.

        Raises:
            ServiceError: it failed; the message has its last words.
        """
        done = self._command(program, arguments)
        if done.returncode != 0:
            words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise ServiceError(f"`{program} {arguments[0]}` of the private S3 server failed: {words}")

    def _draw_identity(self) -> None:
        fsid, block_size = choose_identity(self.folder)
        chosen = {
            "fsid": fsid,
            "block_size": str(block_size),
            "osd": str(uuid4()),
            "access_key": secrets.token_hex(10).upper(),
            "secret_key": secrets.token_urlsafe(30),
        }
        path = self.folder / "identity.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(chosen))

    def _wait_for(self, mon: Daemon) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not self._runs("ceph", "--connect-timeout", "5", "mon", "stat"):
            if not is_alive(mon) or time.monotonic() > deadline:
                raise ServiceError("The mon of the private S3 server did not start: see ceph-mon.log in the logs.")
            time.sleep(0.1)

    def _command(self, program: str, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        config = [] if program == "monmaptool" else ["-c", str(self.config.path)]
        return subprocess.run(
            [find_program(program), *config, *arguments],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )

    def _runs(self, program: str, *arguments: str) -> bool:
        return self._command(program, arguments).returncode == 0


def find_program(program: str) -> str:
    """Return the path of a program of Ceph.

    Raises:
        MissingProgramError: it is not installed; the message names the packages of all that are missing.
    """
    found = _which(program)
    if found:
        return found
    missing = " ".join(sorted({package for name, package in _PACKAGES.items() if _which(name) is None}))
    raise MissingProgramError(
        f"The private S3 server needs Ceph: install it with `apt-get install {missing}` (Debian, Ubuntu), "
        "or leave out --s3 to keep objects in files, or name an existing S3 by WORLDSTRAT_STORE and AWS_*."
    )


def _which(program: str) -> str | None:
    # An ordinary user's PATH may lack the folders of system programs.
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))
