"""Training samples a second: streamed (first epoch) and kept (second), beside rasterio on the extracted folder.

All read the same places, rasters and numbers in one process without PyTorch; the places are drawn once before.
"""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rich.console import Console
from stack import serving, stop_cluster

from catalog.settings import StoreSettings
from client.dataset import HIDDEN, Samples
from client.query import Query
from client.samples import Place, draw
from infra.databases import database_env
from infra.pgstac import prepare
from infra.ports import free_port
from infra.postgres import PostgresCluster
from infra.record import Record, write_env
from infra.stores import store_env
from ingest.run import Options, ingest
from ingest.sample.build import build_sample
from ingest.sample.settings import SampleSettings

LEAST_FIRST, LEAST_SECOND = 0.3, 1.0
"""Shares of the plain loader's rate that are promised."""


@click.command()
@click.option("--places", default=16, show_default=True, type=click.IntRange(2, 400))
@click.option("--frames", default=8, show_default=True, type=click.IntRange(1, 16))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="The best of so many is told.")
def main(places: int, frames: int, rounds: int) -> None:
    """Measure the three, and say where a promise is not kept."""
    with tempfile.TemporaryDirectory(prefix="bench-samples-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        with running(folder, SampleSettings(places, frames, ("L2A",))) as url:
            drawn = draw(Query(leaks=True), url=f"{url}/stac", frames=frames).places
            check_equal(Samples(drawn[:1], folder / "check", frames=frames)[0], folder / "sample", drawn[0])
            rates: dict[str, list[float]] = {"plain": [], "first": [], "second": []}
            for turn in range(rounds):
                samples = Samples(drawn, folder / f"cache-{turn}", frames=frames)
                rates["first"].append(epoch(samples, len(drawn)))
                rates["second"].append(epoch(samples, len(drawn)))
                rates["plain"].append(epoch((read_plain(folder / "sample", place) for place in drawn), len(drawn)))
                samples.close()
    tell({kind: max(found) for kind, found in rates.items()})


def epoch(samples: Any, count: int) -> float:
    """Return samples a second."""
    start = perf_counter()
    for sample in samples:
        sample["lr"].sum()
    return count / (perf_counter() - start)


def read_plain(folder: Path, place: Place) -> dict[str, Any]:
    """Return the arrays of a sample from the published files, read as their authors' loaders do."""
    aoi, images, masks = place.name, [], []
    for item in place.revisits:
        name = f"{aoi}-{item['properties']['worldstrat:revisit']}"
        revisit = folder / "lr_dataset" / aoi / "L2A"
        images.append(image := read(revisit / f"{name}-L2A_data.tiff"))
        told = "scl" if (revisit / f"{name}-SCL.tiff").exists() else "clm"
        hidden = np.isin(read(revisit / f"{name}-{told.upper()}.tiff")[0], HIDDEN[told])
        masks.append((image != 0).all(axis=0) & ~hidden & (read(revisit / f"{name}-dataMask.tiff")[0] != 0))
    hr = (read(folder / "hr_dataset" / aoi / f"{aoi}_ps.tiff") * 1e-4).astype(np.float32)
    return {"lr": np.stack(images), "masks": np.stack(masks), "hr": hr}


def read(path: Path) -> Any:
    """Return all bands of a raster."""
    with rasterio.open(path) as src:
        return src.read()


def check_equal(ours: Any, folder: Path, place: Place) -> None:
    """Make sure that both loaders give the same."""
    plain = read_plain(folder, place)
    for key in ("lr", "masks", "hr"):
        np.testing.assert_array_equal(ours[key], plain[key])


def tell(rates: dict[str, float]) -> None:
    """Print the rates, and where one is less than was promised."""
    print(f"rasterio on the extracted folder  {rates['plain']:7.1f} samples/s")
    for kind, least in (("first", LEAST_FIRST), ("second", LEAST_SECOND)):
        share = rates[kind] / rates["plain"]
        kept = "" if share >= least else ": NOT KEPT"
        print(f"{f'{kind} epoch':<33} {rates[kind]:7.1f} samples/s, {share:.0%} (promised {least:.0%}){kept}")


@contextmanager
def running(folder: Path, settings: SampleSettings) -> Iterator[str]:
    """Ingest a sample and serve it in a process; yield its address."""
    record = Record(folder / "data")
    record.data.mkdir()
    cluster = PostgresCluster(folder / "postgres", log=folder / "postgres.log", port=free_port(), durable=False)
    store = StoreSettings(url=(folder / "objects").as_uri())
    with ExitStack() as stack:
        stack.callback(stop_cluster, cluster)
        cluster.start()
        prepare(cluster.settings)
        build_sample(folder / "sample", settings)
        report = ingest(Options(folder / "sample", cluster.settings, store, workers=2), Console(quiet=True))
        if report.failures:
            raise SystemExit(f"The sample was not ingested: {report.failures}")
        write_env(record.data, {**database_env(cluster.settings), **store_env(store)})
        factory = ("--factory", "server.app:create_app_from_environment")
        environment = {"WORLDSTRAT_DATA": str(record.data)}
        yield stack.enter_context(serving("ours", factory, environment, folder, "/healthz")).url


if __name__ == "__main__":
    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # SPOT as published
    main()
