"""What OpenAPI and STAC documents say of access: how keys and tokens are shown, and where they are needed."""

from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request

from server.access.rules import need_of

if TYPE_CHECKING:
    from server.access.door import Door

AUTHENTICATION: Final = "https://stac-extensions.github.io/authentication/v1.1.0/schema.json"
BEARER, KEY, SIGNED = "bearer", "key", "signed"

_NEEDS: Final = frozenset({"writing", "registering", "computing"})
_SCHEMES: Final = {
    BEARER: {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the operator's provider."},
    KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}


def describe_security(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document how to show a key or token, and which endpoints take one, or may."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    shown: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if need_of(method.upper(), path) in _NEEDS:
                # What needs none by the settings of this server is open to those without one too.
                operation["security"] = shown if method == "post" else [*shown, {}]


def stac_schemes(base_url: str) -> dict[str, Any]:
    """Return the schemes by which private collections are reached, as the STAC authentication extension writes them."""
    signing = {
        "method": "GET",
        "authorizationApi": f"{base_url}access/sign",
        "parameters": {"href": {"in": "query", "required": True, "schema": {"type": "string"}}},
        "responseField": "href",
    }
    return {**_SCHEMES, SIGNED: {"type": "signedUrl", "flows": {"authorizationCode": signing}}}


def private_of(request: Request) -> frozenset[str]:
    """Return the collections that are private on the server that answers a request."""
    door: Door = request.app.state.door
    return frozenset(door.settings.private_collections)


def describe_terms(request: Request, landing: dict[str, Any]) -> None:
    """Link the landing page of the catalog, in place, to the terms of assets, where there are some."""
    door: Door = request.app.state.door
    if door.settings.terms_collections:
        href = door.terms.address(request)
        landing["links"].append(
            {"rel": "license", "href": href, "type": "application/json", "title": "Terms to accept before downloads"}
        )


def describe_private(base_url: str, thing: dict[str, Any]) -> None:
    """Say in an item or a collection that is private, or in the landing page, in place, how assets are opened."""
    if "type" not in thing:
        return  # `fields` took away what says whether it is an item
    thing["stac_extensions"] = [*thing.get("stac_extensions", ()), AUTHENTICATION]
    holder = thing.get("properties") if thing.get("type") == "Feature" else thing
    if isinstance(holder, dict):
        holder["auth:schemes"] = stac_schemes(base_url)
    for asset in (thing.get("assets") or {}).values():
        asset["auth:refs"] = [BEARER, KEY, SIGNED]
