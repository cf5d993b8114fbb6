"""What a service costs per month on AWS, from what was measured and from assumed prices: `python -m infra.sizing`.

docs/sizing.md holds the table that this prints, and says where each number comes from.
"""

import math
from dataclasses import dataclass
from typing import Final

HOURS: Final = 730
"""Hours of a month."""
SECONDS: Final = HOURS * 3600


@dataclass(frozen=True)
class Measured:
    """Numbers of docs/benchmarks.md, docs/benchmarks-search.md, docs/benchmarks-ingest.md and docs/ingest-scale.md."""

    published_mb: float = 92_694.5 / 3_928
    """MB of an AOI in the published archives of version 1.1 without the raw ones, taken as stored."""
    items: int = 33
    """Items of an AOI: one of SPOT, 16 revisits, each as L1C and L2A."""
    objects: int = 205
    """Objects of an AOI in the store: 820 of four AOIs of a sample with 16 revisits."""
    item_kb: float = 5.21
    """kB that the database grows by an item, indexes included."""
    hot_gb_per_million: float = 0.4
    """GB of rows and indexes, without the JSON's own table, of a million items."""
    tile_cpu: float = 0.00431
    """Seconds of CPU of a warm SPOT tile as PNG, the dearest row at native zoom."""
    tile_kb: float = 63.1
    """kB of it."""
    search_cpu: float = 0.0072
    """Seconds of the server's CPU of a search of 10 items that was not asked before."""
    search_sql: float = 0.0339
    """Seconds of PostgreSQL's CPU of the same, at 130 thousand items."""
    search_kb: float = 146.0
    """kB of its answer, not compressed."""
    ingest_cpu: float = 0.049
    """Seconds of CPU of an item, all programs together."""


@dataclass(frozen=True)
class Prices:
    """Assumed list prices of us-east-1 in USD, as of January 2025; put your own in."""

    vcpu: float = 0.04048  # Fargate, an hour
    memory: float = 0.004445  # Fargate, a GB an hour
    database: tuple[tuple[float, float, float], ...] = (
        # memory in GB, cores, an hour, RDS for PostgreSQL in one zone
        (4, 2, 0.065),  # db.t4g.medium
        (16, 2, 0.239),  # db.r7g.large
        (64, 8, 0.956),  # db.r7g.2xlarge
        (128, 16, 1.912),  # db.r7g.4xlarge
        (256, 32, 3.824),  # db.r7g.8xlarge
    )
    database_storage: float = 0.115  # gp3, a GB
    store: float = 0.023  # S3 standard, a GB, the first 50 TB
    store_more: float = 0.022  # the next 450 TB
    get: float = 0.0000004  # a GET of S3
    put: float = 0.000005  # a PUT of S3
    balancer: float = 0.0225  # an hour
    nat: float = 0.045  # an hour
    cdn_free_gb: float = 1024
    cdn: tuple[tuple[float, float], ...] = ((10_240, 0.085), (51_200, 0.080), (153_600, 0.060), (math.inf, 0.040))
    """Up to how many GB, and a GB: Europe and North America."""
    cdn_free_requests: float = 10_000_000
    cdn_request: float = 0.000001
    logs: float = 0.50  # a GB taken in


@dataclass(frozen=True)
class Load:
    """What is asked of a service in a month; a guess to be replaced."""

    aois: int
    """Places in the catalog."""
    tiles: float
    """Tiles that readers ask for."""
    searches: float
    """Searches."""
    downloads_gb: float
    """GB of assets that are downloaded."""
    cached: float = 0.5
    """Share of tiles that CloudFront has."""
    peak: float = 5.0
    """The busiest hour to the mean one."""
    cold: float = 0.1
    """Share of the other tiles for which an object is read."""


SMALL: Final = Load(aois=4_000, tiles=5e6, searches=1e6, downloads_gb=500)
LARGE: Final = Load(aois=4_000_000, tiles=500e6, searches=50e6, downloads_gb=50_000)
_MEASURED, _PRICES = Measured(), Prices()
_BUSY: Final = 0.6  # the share of its CPU that a task is kept at
_TASK_GB: Final = 3.0
_LOG_KB: Final = 0.5  # a request's line


def stored_gb(load: Load, measured: Measured = _MEASURED) -> float:
    """Return the GB of objects."""
    return load.aois * measured.published_mb / 1000


def database_gb(load: Load, measured: Measured = _MEASURED) -> float:
    """Return the GB of the database."""
    return load.aois * measured.items * measured.item_kb / 1e6


def tasks(load: Load, measured: Measured = _MEASURED) -> int:
    """Return how many tasks of one core the busiest hour takes; two at least, for a fault and for upgrades."""
    work = load.tiles * (1 - load.cached) * measured.tile_cpu + load.searches * measured.search_cpu
    return max(2, math.ceil(load.peak * work / SECONDS / _BUSY))


def database_class(load: Load, measured: Measured = _MEASURED, prices: Prices = _PRICES) -> tuple[float, float, float]:
    """Return the smallest class with the memory for what is hot and the cores for the searches."""
    hot = load.aois * measured.items / 1e6 * measured.hot_gb_per_million
    cores = load.peak * load.searches * measured.search_sql / SECONDS / _BUSY
    fits = (one for one in prices.database if one[0] * 0.75 >= hot and one[1] >= cores)
    return next(fits, prices.database[-1])


def cdn_cost(gigabytes: float, requests: float, prices: Prices = _PRICES) -> float:
    """Return what CloudFront asks for."""
    left, cost, below = max(0.0, gigabytes - prices.cdn_free_gb), 0.0, 0.0
    for end, price in prices.cdn:
        part = min(left, end - below)
        cost, left, below = cost + part * price, left - part, end
    return cost + max(0.0, requests - prices.cdn_free_requests) * prices.cdn_request


def monthly(load: Load, measured: Measured = _MEASURED, prices: Prices = _PRICES) -> dict[str, float]:
    """Return what each part costs in a month, in USD."""
    objects = stored_gb(load, measured)
    sent = (load.tiles * measured.tile_kb + load.searches * measured.search_kb) / 1e6 + load.downloads_gb
    reads = load.tiles * (1 - load.cached) * load.cold
    return {
        "S3, objects": min(objects, 51_200) * prices.store + max(0.0, objects - 51_200) * prices.store_more,
        "S3, requests": reads * prices.get,
        "RDS, instance": database_class(load, measured, prices)[2] * HOURS,
        "RDS, storage": max(20.0, database_gb(load, measured) * 1.5) * prices.database_storage,
        "Fargate": tasks(load, measured) * HOURS * (prices.vcpu + _TASK_GB * prices.memory),
        "Load balancer, NAT gateway": (prices.balancer + prices.nat) * HOURS,
        "CloudFront": cdn_cost(sent, load.tiles + load.searches, prices),
        "CloudWatch, logs": (load.tiles * (1 - load.cached) + load.searches) * _LOG_KB / 1e6 * prices.logs,
    }


def once(load: Load, measured: Measured = _MEASURED, prices: Prices = _PRICES) -> dict[str, float]:
    """Return what the ingest costs, in USD."""
    hours = load.aois * measured.items * measured.ingest_cpu / 3600
    return {
        "Ingest, CPU": hours * (prices.vcpu + 2 * prices.memory),
        "Ingest, PUT of objects": load.aois * measured.objects * prices.put,
    }


def table() -> str:
    """Return both services side by side, as Markdown."""
    columns = [SMALL, LARGE]
    facts = [
        ("Items", [f"{one.aois * _MEASURED.items:,}" for one in columns]),
        ("Objects, GB", [f"{stored_gb(one):,.0f}" for one in columns]),
        ("Database, GB", [f"{database_gb(one):,.1f}" for one in columns]),
        ("Memory of the RDS instance, GB", [f"{database_class(one)[0]:g}" for one in columns]),
        ("Tasks of one core", [f"{tasks(one)}" for one in columns]),
    ]
    costs, first = [monthly(one) for one in columns], [once(one) for one in columns]
    lines = ["| | 4,000 AOIs | 4 million AOIs |", "|---|--:|--:|"]
    lines += [f"| {name} | {' | '.join(values)} |" for name, values in facts]
    lines += [f"| {name}, USD | {' | '.join(f'{one[name]:,.0f}' for one in costs)} |" for name in costs[0]]
    lines.append(f"| **A month, USD** | {' | '.join(f'**{sum(one.values()):,.0f}**' for one in costs)} |")
    lines += [f"| Once: {name}, USD | {' | '.join(f'{one[name]:,.2f}' for one in first)} |" for name in first[0]]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201 - this is what it is for
