"""Requests in blocks, one side at a time: CPU of the server, time of the client, bytes."""

from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

import httpx
from stack import Server

ROUNDS = 6
"""ABBA rounds of a case, two blocks a side each: twelve pairs."""
_OUTSIDE = 2  # pairs left out at each end of the interval: with twelve, 96 % of medians lie between the others


@dataclass(frozen=True)
class Request:
    """One question to both sides."""

    ours: str
    """Path and query for this server."""
    stock: str
    """The same for the peer."""


@dataclass
class Side:
    """What one server did in a case."""

    cpu_ms: list[float] = field(default_factory=list)
    """CPU-milliseconds a request, of each block."""
    latencies: list[float] = field(default_factory=list)
    """Milliseconds of each request."""
    sizes: list[int] = field(default_factory=list)
    """Bytes of each answer."""

    def percentile(self, percent: int) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1]


@dataclass(frozen=True)
class Result:
    """Both sides of a case."""

    ours: Side
    stock: Side

    @property
    def ratios(self) -> list[float]:
        """How many times our CPU the peer takes, block by block."""
        return [theirs / mine for mine, theirs in zip(self.ours.cpu_ms, self.stock.cpu_ms, strict=True)]

    @property
    def ratio(self) -> float:
        """Their median."""
        return median(self.ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """Between which ratios their median lies."""
        ordered = sorted(self.ratios)
        return ordered[_OUTSIDE], ordered[-1 - _OUTSIDE]

    @property
    def control(self) -> float:
        """A/A: by what share two blocks of one side and round differ, of either side the median."""
        return max(
            median(abs(side.cpu_ms[at] / side.cpu_ms[at + 1] - 1) for at in range(0, 2 * ROUNDS, 2))
            for side in (self.ours, self.stock)
        )


def run_case(client: httpx.Client, servers: tuple[Server, Server], requests: list[Request], *, known: bool) -> Result:
    """Ask both servers the same in blocks ABBA.

    Args:
        client: asks, one request at a time.
        servers: ours and the peer.
        requests: what is asked in a block.
        known: send the tag of the answer that is already there, where the server gave one.
    """
    ours, stock = servers
    urls = {ours.name: [request.ours for request in requests], stock.name: [request.stock for request in requests]}
    tags = {server.name: [_tag(client, server.url + path) for path in urls[server.name]] for server in servers}
    sides = {ours.name: Side(), stock.name: Side()}
    for _ in range(ROUNDS):
        for server in (ours, stock, stock, ours):
            headers = tags[server.name] if known else [{}] * len(requests)
            _run_block(client, server, list(zip(urls[server.name], headers, strict=True)), sides[server.name])
    return Result(sides[ours.name], sides[stock.name])


def _tag(client: httpx.Client, url: str) -> dict[str, str]:
    answer = client.get(url).raise_for_status()
    return {"If-None-Match": answer.headers["etag"]} if "etag" in answer.headers else {}


def _run_block(client: httpx.Client, server: Server, asked: list[tuple[str, dict[str, str]]], side: Side) -> None:
    before = server.cpu_ms()
    for path, headers in asked:
        start = perf_counter()
        answer = client.get(server.url + path, headers=headers)
        side.latencies.append((perf_counter() - start) * 1000)
        side.sizes.append(len(answer.content))
    side.cpu_ms.append((server.cpu_ms() - before) / len(asked))
