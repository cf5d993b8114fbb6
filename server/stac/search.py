"""What a search may ask, checked before pgSTAC sees it."""

import json
from typing import Any, Self

from geojson_pydantic import MultiPolygon
from pydantic import model_validator
from stac_fastapi.pgstac.types.search import PgstacSearch

from server.errors import InvalidSearchError
from server.stac.bounds import crosses_antimeridian, flat_bounds, split_at_antimeridian
from server.stac.complexity import limit_json
from server.stac.query import fold_query


def _holds_a_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list) and any(isinstance(part, bool) for part in value))


class WorldStratSearch(PgstacSearch):  # type: ignore[misc]
    """A search, from a URL or a body; the extensions add their own fields."""

    @model_validator(mode="before")
    @classmethod
    def _is_an_object(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            raise InvalidSearchError(f"A search is a JSON object, not {type(values).__name__}.")
        for name, value in values.items():
            # Python takes true for 1, JSON does not; and fields that are null are no fields.
            if _holds_a_boolean(value) or (name == "fields" and value is None):
                raise InvalidSearchError(f"{name[:50]} cannot be {json.dumps(value)[:50]}.")
            # What nobody knows is written into the links of the answer, too.
            limit_json(value, name[:50])
        return fold_query(values)

    @model_validator(mode="after")
    def _has_bounds_that_pgstac_can_take(self) -> Self:
        fields: Any = self
        if fields.bbox:
            fields.bbox = flat_bounds(fields.bbox)
            if crosses_antimeridian(fields.bbox):
                fields.intersects = MultiPolygon(**split_at_antimeridian(fields.bbox))
                fields.bbox = None
        return self

    @property
    def is_spatial(self) -> bool:
        """Tell whether a geometry of the caller's takes part."""
        return self.intersects is not None or '"s_' in str(getattr(self, "filter_expr", None)).replace("'", '"')
