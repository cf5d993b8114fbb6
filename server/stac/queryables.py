"""`/queryables`: what pgSTAC says that searches can ask, with the values and ranges that the items have."""

from typing import Any

import orjson
from stac_fastapi.pgstac.extensions.filter import FiltersClient
from starlette.requests import Request

from catalog.queryables import narrowed
from server.access.caller import hidden_of
from server.stac.page import connect

_TOLD = """
SELECT jsonb_build_object('extent', content->'extent', 'summaries', coalesce(content->'summaries', '{}'))::text
FROM collections WHERE ($1::text IS NULL OR id = $1) AND id <> ALL ($2)
"""


class QueryablesClient(FiltersClient):  # type: ignore[misc]
    """pgSTAC's queryables, narrowed to what the summaries of the collections tell."""

    async def get_queryables(self, request: Request, collection_id: str | None = None, **_: Any) -> dict[str, Any]:
        """Return the JSON schema of what can be asked of a collection's items, or of those of all.

        Raises:
            NotFoundError: there is no such collection.
        """
        document: dict[str, Any] = await super().get_queryables(request, collection_id)
        async with connect(request) as connection:
            rows = await connection.fetch(_TOLD, collection_id, sorted(hidden_of(request)))
        collections = [orjson.loads(row[0]) for row in rows]
        return document | {"properties": narrowed(document["properties"], collections)}
