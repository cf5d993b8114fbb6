"""Items as stac-geoparquet, written by rustac."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from anyio import to_thread
from stac_fastapi.types.errors import NotFoundError

from server.errors import InvalidSearchError
from server.stac.page import Page

MAX_ROWS = 1000
"""Items of one answer: rustac holds all of them at once, 0.3 MB each."""

_PIECE = 1 << 18


async def write_geoparquet(page: Page) -> AsyncIterator[bytes]:
    """Yield the items of a page as one GeoParquet file that rustac, geopandas and DuckDB open.

    A server writes one at a time, so that the memory of all together stays bounded.

    Raises:
        InvalidSearchError: not whole items were asked for.
        NotFoundError: nothing was found; the format can't say so.
    """
    if not page.shown.whole:
        raise InvalidSearchError("GeoParquet holds whole items: leave `fields` away, or ask for f=csv.")
    if not page.rows:
        raise NotFoundError("Nothing was found, and a GeoParquet file needs an item. f=json can say so.")
    async with page.request.app.state.geoparquet_turn:
        items = [item async for item in page.items()]
        body = await to_thread.run_sync(_write, items)
        del items
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


def _write(items: list[dict[str, Any]]) -> bytes:
    # rustac writes to a path or to a store of its own kind, which nobody can read from.
    import rustac  # noqa: PLC0415 - a tenth of a second that most servers never need

    with tempfile.TemporaryDirectory(prefix="worldstrat-") as folder:
        path = Path(folder, "items.parquet")
        rustac.write_sync(str(path), items)
        return path.read_bytes()
