"""The `worldstrat` extension's schema, published where items point at it."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from catalog import extension

SCHEMA_PATH = "schemas/worldstrat/v1.0.0/schema.json"
"""Path of the schema below the server's outside address."""

schema_router = APIRouter(tags=["STAC API"])


class SchemaResponse(JSONResponse):
    """A JSON schema."""

    media_type = "application/schema+json"


@schema_router.get(
    f"/{SCHEMA_PATH}", summary="Schema of the worldstrat extension", response_class=SchemaResponse, response_model=None
)
def get_schema() -> SchemaResponse:
    """Return the JSON schema of our own properties, for validators of items and collections."""
    return SchemaResponse(extension.schema())


def publish_schema(base_url: str, thing: dict[str, Any]) -> None:
    """Let an item or a collection name our extension by the address at which this server publishes its schema.

    The catalog holds the extension's identifier, which no host answers for; `item.validate()` needs one that does.
    """
    if "stac_extensions" in thing:
        own = f"{base_url}{SCHEMA_PATH}"
        thing["stac_extensions"] = [own if uri == extension.SCHEMA_URI else uri for uri in thing["stac_extensions"]]
