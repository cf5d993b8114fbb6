"""Which images are meant: the dataset's own words (source, land use, split) as a search of a STAC API."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pystac_client import Client, ItemSearch
from pystac_client.exceptions import APIError

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from client.errors import QueryError, ServerError

COLLECTIONS: Final = {"spot": COLLECTION_SPOT, "l2a": COLLECTION_L2A, "l1c": COLLECTION_L1C}
"""The short names of collections."""
PAGE: Final = 250
"""Items of one answer of the server."""

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Query:
    """Conditions that all have to hold; what is empty or None does not count."""

    collections: tuple[str, ...] = (COLLECTION_SPOT, COLLECTION_L2A)
    """Ids of collections."""
    sources: tuple[str, ...] = ()
    """Why places were chosen: `Landcover`, `UNHCR`, `ASMSpotter`, `Amnesty`."""
    ipcc: tuple[str, ...] = ()
    """IPCC classes."""
    lccs: tuple[int, ...] = ()
    """LCCS codes."""
    smod: tuple[int, ...] = ()
    """SMOD codes."""
    splits: tuple[str, ...] = ()
    """`train`, `val`, `test`."""
    aois: tuple[str, ...] = ()
    """Names of places as published."""
    max_cloud: float | None = None
    """Per cent of clouds in the place; SPOT images, whose clouds nobody knows, pass."""
    max_delta: int | None = None
    """Days between a revisit and the SPOT image; SPOT images pass."""
    max_revisit: int | None = None
    """Worst rank of a revisit, the best being 1; SPOT images pass."""
    leaks: bool = False
    """Whether places that are in several splits, or none, count where splits are asked for."""
    bbox: Bbox | None = None
    """West, south, east, north in degrees."""
    datetime: str | None = None
    """A day, or an interval such as `2019-01-01/2019-12-31`."""
    limit: int | None = None
    """Most items."""

    def filter(self) -> dict[str, Any] | None:
        """Return the conditions on properties as CQL2 JSON, None where there are none."""
        listed = {
            "worldstrat:source": self.sources,
            "worldstrat:ipcc": self.ipcc,
            "worldstrat:lccs": self.lccs,
            "worldstrat:smod": self.smod,
            "worldstrat:split": self.splits,
            "worldstrat:aoi": self.aois,
        }
        least = {
            "worldstrat:cloud_cover": (0, self.max_cloud),
            "worldstrat:delta": (None if self.max_delta is None else -self.max_delta, self.max_delta),
            "worldstrat:revisit": (1, self.max_revisit),
        }
        parts = [_op("in", _property(name), list(values)) for name, values in listed.items() if values]
        parts += [_between(name, low, high) for name, (low, high) in least.items() if high is not None]
        if self.splits and not self.leaks:
            parts.append(_op("=", _property("worldstrat:split_conflict"), value=False))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}

    def search(self, client: Client) -> ItemSearch:
        """Return the search, which asks for pages as its items are read.

        Raises:
            QueryError: a condition is none.
        """
        condition = self.filter()
        try:
            return client.search(
                method="POST",
                collections=list(self.collections),
                filter=condition,
                filter_lang="cql2-json" if condition else None,
                bbox=self.bbox,
                datetime=self.datetime,
                max_items=self.limit,
                limit=min(PAGE, self.limit or PAGE),
            )
        except Exception as error:  # pystac-client raises bare exceptions for what it cannot read
            raise QueryError(f"This makes no search: {error}.") from error


@contextmanager
def answering(url: str) -> Iterator[None]:
    """Turn what pystac-client raises into an error of ours that names the server."""
    try:
        yield
    except APIError as error:
        # What the line does to a request has no status, not even None.
        if getattr(error, "status_code", None) is None:
            raise ServerError(f"{url} does not answer. Is a server up, and is that its /stac address?") from error
        raise ServerError(f"{url} refused: {str(error)[:500]}") from error


def _between(name: str, low: float | None, high: float) -> dict[str, Any]:
    """Return that a property lies within a range, or is not there: SPOT images have no rank, no delta, no clouds."""
    inside = [_op("<=", _property(name), value=high)]
    if low is not None:
        inside.append(_op(">=", _property(name), value=low))
    within = inside[0] if len(inside) == 1 else {"op": "and", "args": inside}
    spot = {"op": "=", "args": [{"property": "collection"}, COLLECTION_SPOT]}
    return {"op": "or", "args": [within, spot]}


def _property(name: str) -> dict[str, str]:
    return {"property": name}


def _op(op: str, left: Any, value: Any) -> dict[str, Any]:
    return {"op": op, "args": [left, value]}
