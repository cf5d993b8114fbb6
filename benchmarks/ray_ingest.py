"""What Ray costs beside a pool of processes: the same AOIs into COGs and items, with as many workers.

`unshare --map-root-user --net sh -c 'ip link set lo up && exec .venv/bin/python benchmarks/ray_ingest.py'` keeps Ray,
which listens on every interface, off the network. Only the work is timed: both sides have started their workers, which
have imported what they need. There is no catalog behind it: the driver drops the items.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import click

from catalog.settings import DatabaseSettings, StoreSettings
from ingest.run import Options, create_executor
from ingest.sample.build import build_sample
from ingest.sample.settings import SampleSettings
from ingest.sources import open_source
from ingest.task import Task


@click.command()
@click.option("--aois", default=16, show_default=True, help="AOIs of the sample.")
@click.option("--revisits", default=8, show_default=True, help="Revisits of each, at two levels.")
@click.option("--rounds", default=4, show_default=True, help="Rounds ABBA.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, help="Workers of either side.")
def main(aois: int, revisits: int, rounds: int, workers: int) -> None:
    """Time both and print the overhead."""
    with tempfile.TemporaryDirectory(prefix="worldstrat-bench-") as folder:
        dataset = Path(folder, "sample")
        build_sample(dataset, SampleSettings(aois=aois, revisits=revisits))
        sides: dict[str, list[float]] = {"pool": [], "ray": []}
        for number in range(rounds):
            for side in ("pool", "ray", "ray", "pool"):
                store = Path(folder, f"objects-{number}-{side}-{len(sides[side])}")
                store.mkdir()
                sides[side].append(timed(dataset, StoreSettings(url=store.as_uri()), side, workers))
                print(f"{side:5} {sides[side][-1]:6.2f} s", flush=True)
    pairs = [ray / pool for ray, pool in zip(sides["ray"], sides["pool"], strict=True)]
    print(
        f"{aois} AOIs, {revisits} revisits, {workers} workers: pool {median(sides['pool']):.2f} s, "
        f"Ray {median(sides['ray']):.2f} s, overhead {median(pairs) - 1:+.1%} ({min(pairs) - 1:+.1%} to "
        f"{max(pairs) - 1:+.1%}), load average {os.getloadavg()[0]:.1f}"
    )


def timed(dataset: Path, store: StoreSettings, side: str, workers: int) -> float:
    """Return the seconds that the work takes, once all workers are warm."""
    nowhere = DatabaseSettings(host="", port=1, user="", password="", database="")
    options = Options(dataset, nowhere, store, workers, ray_address="local" if side == "ray" else None)
    tasks = list(tasks_of(dataset, store))
    with create_executor(options) as executor:
        list(executor.run(iter(tasks[: 2 * workers])))
        start = time.perf_counter()
        failed = [one for one in executor.run(iter(tasks)) if one.failures]
        seconds = time.perf_counter() - start
    if failed:
        raise SystemExit(f"Not ingested: {failed[0].failures}")
    return seconds


def tasks_of(dataset: Path, store: StoreSettings) -> Iterator[Task]:
    """Yield a task for each AOI of a dataset."""
    source = open_source(dataset)
    for name in source.names():
        yield Task(source.tables.aois[name], source.files(name), store)


if __name__ == "__main__":
    main()
