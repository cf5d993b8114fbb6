"""The configuration of the smallest Ceph that stores objects: one mon, one osd on a file, no mgr."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from infra.ports import LOOPBACK

_GIB = 1024**3
_MOST = 1024 * _GIB

# Everything listens on 127.0.0.1 and trusts whoever reaches it there: this store is for development and
# tests. The S3 face itself checks signatures as any other. tcp_nodelay: without it a read takes 52 ms, not 7.
# paxos: a lone mon has nobody to wait for; by default each new pool takes it a second.
_TEMPLATE = """\
[global]
fsid = {fsid}
mon host = [v1:{host}:{mon_port}]
mon initial members = a
public addr = {host}
cluster addr = {host}
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
mon allow pool size one = true
paxos propose interval = 0.05
paxos min wait = 0.01
mon data avail crit = 1
mon data avail warn = 2
osd crush update on start = false
osd class update on start = false
osd crush chooseleaf type = 0
osd memory target = 939524096
bluestore block size = {block_size}
run dir = {folder}
admin socket =
pid file =
log file =
log to stderr = true
err to stderr = true
mon cluster log file = /dev/null

[mon]
mon data = {folder}/mon

[osd]
osd data = {folder}/osd
osd objectstore = bluestore

[client.rgw]
rgw frontends = beast endpoint={host}:{rgw_port} tcp_nodelay=1
rgw data = {folder}/rgw
rgw enable usage log = false
"""


@dataclass(frozen=True)
class CephConfig:
    """One `ceph.conf` and the choices in it."""

    folder: Path
    """Where mon, osd and rgw keep their data."""
    fsid: str
    """Identity of the cluster, never changed."""
    block_size: int
    """Most bytes the osd can ever hold; the file is sparse."""
    mon_port: int
    """Port of the mon."""
    rgw_port: int
    """Port of the S3 endpoint."""

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / "ceph.conf"

    def write(self) -> None:
        """Write the file anew."""
        self.path.write_text(
            _TEMPLATE.format(
                fsid=self.fsid,
                host=LOOPBACK,
                mon_port=self.mon_port,
                rgw_port=self.rgw_port,
                folder=self.folder,
                block_size=self.block_size,
            )
        )


def choose_identity(folder: Path) -> tuple[str, int]:
    """Return a new fsid, and a block size that the disk of `folder` could take."""
    free = shutil.disk_usage(folder).free
    return str(uuid4()), min(_MOST, int(free * 0.9) // _GIB * _GIB or _GIB)
