"""What a run is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.settings import DatabaseSettings, StoreSettings
from ingest.names import as_text


@dataclass(frozen=True)
class Options:
    """What a run is asked to do."""

    src: str | Path | Sequence[str | Path]
    """What the published dataset comes in, one or several."""
    database: DatabaseSettings
    """Where items go."""
    store: StoreSettings
    """Where objects go."""
    workers: int = 1
    """Processes of the pool, or CPUs of a Ray cluster that is started here."""
    ray_address: str | None = None
    """Ray cluster to use instead of a pool: `local`, `host:port` or `ray://host:port`."""
    schemas: Path | None = None
    """Folder with the extensions' schemas, for full validation."""
    only: tuple[str, ...] = ()
    """Names of the AOIs to ingest; all where there are none."""
    force: bool = False
    """Whether to ingest unchanged AOIs again."""
    indexes: Path | None = None
    """Folder in which the indexes of tar archives are kept; beside the archives where there is none."""
    retry_failed: bool = False
    """Whether to ingest only the AOIs that have failures, changed or not."""
    snapshot: bool = False
    """Whether to renew, at the end, the GeoParquet snapshots of collections that changed."""

    @property
    def sources(self) -> list[str]:
        """What was given as SRC, as the row of the run has it."""
        given = [self.src] if isinstance(self.src, str | Path) else self.src
        return [as_text(str(one) if "://" in str(one) else str(Path(one).resolve())) for one in given]

    @property
    def asked(self) -> dict[str, Any]:
        """The other options that differ from their defaults, as the row of the run has them."""
        given = {
            "store": self.store.url,
            "workers": self.workers,
            "ray_address": self.ray_address,
            "schemas": str(self.schemas) if self.schemas else None,
            "only": list(self.only),
            "force": self.force,
            "retry_failed": self.retry_failed,
        }
        return {name: value for name, value in given.items() if value}
