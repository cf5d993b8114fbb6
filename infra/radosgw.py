"""A private S3 server: Ceph's radosgw with its own mon and osd, on ports of 127.0.0.1."""

import time
from http import HTTPStatus
from pathlib import Path

from pydantic import SecretStr

from catalog.settings import StoreSettings
from infra.answers import status_of
from infra.ceph import MON, OSD, RGW, TIMEOUT, CephCluster, find_program
from infra.errors import ServiceError
from infra.ports import LOOPBACK
from infra.process import Daemon, is_alive, last_words, spawn, stop

BUCKET = "worldstrat"
REGION = "us-east-1"
DAEMONS = (MON, OSD, RGW)


class Radosgw:
    """The three daemons of one private S3 server.

    Args:
        folder: where mon, osd and rgw keep their data and where the keys are.
        logs: folder of the daemons' logs.
        mon_port: port of the mon.
        rgw_port: port of the S3 endpoint.
    """

    def __init__(self, folder: Path, *, logs: Path, mon_port: int, rgw_port: int) -> None:
        self.cluster = CephCluster(folder.resolve(), mon_port, rgw_port)
        self.logs = logs

    @property
    def endpoint(self) -> str:
        """Address of the S3 endpoint."""
        return f"http://{LOOPBACK}:{self.cluster.rgw_port}"

    def settings(self, bucket: str = BUCKET) -> StoreSettings:
        """Return how to reach a bucket as the user who owns it."""
        identity = self.cluster.identity
        return StoreSettings(
            url=f"s3://{bucket}",
            endpoint_url=self.endpoint,
            access_key_id=identity["access_key"],
            secret_access_key=SecretStr(identity["secret_key"]),
            region=REGION,
        )

    def start(self, running: dict[str, Daemon]) -> dict[str, Daemon]:
        """Start the daemons that do not run, making the cluster and the user when they are missing.

        Args:
            running: daemons that an earlier start left, by name.

        Returns:
            All three daemons by name, when the S3 endpoint answers.

        Raises:
            InfraError: a program is missing, or a daemon did not start; the message has its last words.
        """
        running = {name: daemon for name, daemon in running.items() if is_alive(daemon)}
        if set(running) == set(DAEMONS) and self.answers():
            return running
        # The three know each other by address: a lone survivor of an earlier start is of no use.
        self.stop(running)
        started: dict[str, Daemon] = {}
        try:
            self._start_all(started)
        except BaseException:
            self.stop(started)
            raise
        return started

    @staticmethod
    def stop(running: dict[str, Daemon]) -> None:
        """Stop the daemons, the one that depends on the others first."""
        # Without its osd a radosgw waits for ever: it has nothing to write that could still be saved.
        whole = OSD in running and is_alive(running[OSD])
        for name in reversed(DAEMONS):
            if name in running:
                stop(running[name], timeout=30 if whole or name != RGW else 1)

    def answers(self) -> bool:
        """Whether the S3 endpoint answers a request."""
        status = status_of(self.cluster.rgw_port)
        return status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR

    def create_bucket(self, name: str) -> None:
        """Create a bucket; one that exists is left as it is."""
        # A quarter of a second that only stacks with S3 need spend.
        from boto3 import client  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        identity = self.cluster.identity
        s3 = client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=identity["access_key"],
            aws_secret_access_key=identity["secret_key"],
            region_name=REGION,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        s3.create_bucket(Bucket=name)
        s3.close()

    def _start_all(self, started: dict[str, Daemon]) -> None:
        self.cluster.prepare()
        started[MON] = self._spawn(MON, "-i", "a")
        self.cluster.make_osd(started[MON])
        started[OSD] = self._spawn(OSD, "-i", "0")
        started[RGW] = self._spawn(RGW, "-n", "client.rgw")
        self._wait(started)
        self.cluster.make_user()

    def _spawn(self, program: str, *identity: str) -> Daemon:
        command = [find_program(program), "-f", "-c", str(self.cluster.config.path), *identity]
        return spawn(command, log=self._log(program))

    def _wait(self, started: dict[str, Daemon]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not self.answers():
            for name, daemon in started.items():
                if not is_alive(daemon) or time.monotonic() > deadline:
                    raise ServiceError(f"{name} did not start ({self._log(name)}):\n{last_words(self._log(name))}")
            time.sleep(0.1)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"
