"""The object store of a stack: files, its own radosgw, or one that the environment names."""

import os

from catalog.errors import WorldStratError
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings, load_store
from infra.errors import FolderError
from infra.ports import LOOPBACK, free_port
from infra.process import Daemon, is_alive
from infra.radosgw import BUCKET, DAEMONS, Radosgw
from infra.record import Record
from infra.service import HEALTHY, STOPPED, UNHEALTHY, State


class FileStore:
    """Objects as files below the data folder."""

    name = "objects"
    daemons: tuple[str, ...] = ()

    def __init__(self, record: Record) -> None:
        self._record = record

    def start(self) -> None:
        """Make the folder."""
        self._record.objects.mkdir(exist_ok=True)
        if not os.access(self._record.objects, os.W_OK):
            raise FolderError(f"The object store {self._record.objects} is not writable.")

    def stop(self) -> None:
        """Nothing runs."""

    def state(self) -> State:
        """Look whether the folder is there."""
        there = self._record.objects.is_dir()
        detail = "" if there else "the folder is missing"
        return State(self.name, HEALTHY if there else STOPPED, self._settings().url, detail)

    def env(self) -> dict[str, str]:
        """Return WORLDSTRAT_STORE."""
        return store_env(self._settings())

    def _settings(self) -> StoreSettings:
        return StoreSettings(url=self._record.objects.as_uri())


class PrivateS3:
    """The stack's own radosgw."""

    name = "objects"
    daemons: tuple[str, ...] = DAEMONS

    def __init__(self, record: Record) -> None:
        self._record = record

    def _server(self) -> Radosgw:
        record = self._record
        ports = {name: record.ports.get(name, 0) for name in ("mon", "rgw")}
        return Radosgw(record.data / "ceph", logs=record.logs, mon_port=ports["mon"], rgw_port=ports["rgw"])

    def start(self) -> None:
        """Start the daemons and make the bucket."""
        ports = self._record.ports
        if self.state().state != HEALTHY:
            self.stop()
            ports.update({name: free_port(ports.get(name)) for name in ("mon", "rgw")})
        server = self._server()
        self._record.daemons.update(server.start(self._daemons()))
        server.create_bucket(BUCKET)

    def stop(self) -> None:
        """Stop the daemons."""
        self._server().stop(self._daemons())
        for name in DAEMONS:
            self._record.daemons.pop(name, None)

    def state(self) -> State:
        """Send a request to the endpoint."""
        server = self._server()
        dead = [name for name in DAEMONS if name not in self._daemons()]
        if len(dead) == len(DAEMONS):
            return State(self.name, STOPPED, server.endpoint)
        if dead:
            return State(self.name, UNHEALTHY, server.endpoint, f"{', '.join(dead)} stopped")
        answers = server.answers()
        return State(self.name, HEALTHY if answers else UNHEALTHY, server.endpoint, "" if answers else "no answer")

    def env(self) -> dict[str, str]:
        """Return WORLDSTRAT_STORE and AWS_*."""
        return store_env(self._server().settings())

    def _daemons(self) -> dict[str, Daemon]:
        known = self._record.daemons
        return {name: known[name] for name in DAEMONS if name in known and is_alive(known[name])}


class ExternalStore:
    """A store that WORLDSTRAT_STORE and AWS_* named."""

    name = "objects"
    daemons: tuple[str, ...] = ()

    def __init__(self, record: Record) -> None:
        self._record = record

    def start(self) -> None:
        """Look into it: a wrong key or a missing bucket is better told now."""
        self._look()

    def stop(self) -> None:
        """Leave it alone: it is not ours."""

    def state(self) -> State:
        """Look into it."""
        url = load_store(self._record.data).url
        try:
            self._look()
        except WorldStratError as error:
            return State(self.name, UNHEALTHY, url, str(error))
        return State(self.name, HEALTHY, url)

    def env(self) -> dict[str, str]:
        """Return WORLDSTRAT_STORE and AWS_*, so that other commands need only `--data`."""
        return store_env(load_store(self._record.data))

    def _look(self) -> None:
        ObjectStore.open(load_store(self._record.data)).list("a-folder-that-is-not-there")


def kept_in(record: Record) -> str | None:
    """Return where this folder's objects are already kept, `files` or `s3`; None where there are none yet."""
    if (record.data / "ceph" / "user").exists():
        return "s3"
    if record.objects.is_dir() and any(record.objects.iterdir()):
        return "files"
    return None


def store_named_elsewhere(record: Record) -> bool:
    """Whether the environment names a store, and another than this folder's own S3: `stack.env` may be sourced."""
    own = f"http://{LOOPBACK}:{record.ports.get('rgw')}"
    return "WORLDSTRAT_STORE" in os.environ and os.environ.get("AWS_ENDPOINT_URL") != own


def store_env(settings: StoreSettings) -> dict[str, str]:
    """Return the lines of `stack.env` that name this store."""
    secret = settings.secret_access_key
    values = {
        "WORLDSTRAT_STORE": settings.url,
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "AWS_ACCESS_KEY_ID": settings.access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret.get_secret_value() if secret else None,
        "AWS_REGION": settings.region if settings.url.startswith("s3:") else None,
    }
    return {name: value for name, value in values.items() if value is not None}
