"""The table of rules covers every endpoint, and says what each takes."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from catalog.settings import DatabaseSettings, StoreSettings
from server.access.caller import JOBS, READ, WRITE, hidden_of
from server.access.errors import UnclassifiedRouteError
from server.access.rules import RULES, check_routes, collection_named_by, endpoints, need_of, renamed, scope_of
from server.access.settings import AccessSettings
from server.app import create_app
from server.settings import ServerSettings

NOBODY: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def app() -> FastAPI:
    database, store = DatabaseSettings(host="nowhere"), StoreSettings(url="file:///nowhere")
    return create_app(ServerSettings(database=database, store=store))


def test_every_endpoint_is_classified_and_every_rule_has_an_endpoint(app: FastAPI) -> None:
    found = list(endpoints(app.routes))
    assert len(found) > 150
    assert [f"{method} {path}" for method, path in found if need_of(method, path) is None] == []
    for methods, pattern, need in RULES:
        like = re.compile(re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]+"))
        served = [path for method, path in found if method in methods and like.fullmatch(path)]
        assert any(need_of(methods[0], path) == need for path in served), f"nothing is served at {pattern}"


def test_an_application_with_an_endpoint_that_nobody_classified_does_not_start() -> None:
    other = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    other.post("/raster/collections/{collection_id}/forget")(lambda: None)
    with pytest.raises(UnclassifiedRouteError, match=r"POST /raster/collections/\{collection_id\}/forget"):
        check_routes(other.routes)


def test_whatever_changes_something_takes_a_scope(app: FastAPI) -> None:
    asking = ("search", "sample", "aggregate", "statistics", "feature", "timeseries", "terms")
    for method, path in endpoints(app.routes):
        if method in {"GET", "HEAD"}:
            continue
        need = need_of(method, path)
        if not any(f"/{word}" in path for word in asking):
            assert scope_of(need, AccessSettings(), NOBODY) == WRITE, path


def test_the_collection_of_a_path_is_found_in_every_endpoint_that_names_one(app: FastAPI) -> None:
    for path in {path for _, path in endpoints(app.routes) if "{collection_id}" in path}:
        if not path.startswith("/access/"):
            assert collection_named_by(path.replace("{collection_id}", "worldstrat-spot")) == "worldstrat-spot", path
    assert collection_named_by("/assets/worldstrat-spot/place/file.tif") == "worldstrat-spot"
    assert collection_named_by("/stac/collections") is None
    assert renamed("/stac/collections/stac/items/stac", "other") == "/stac/collections/other/items/stac"
    assert collection_named_by("/raster/collections/worldstrat-spot\n/items") == "worldstrat-spot\n"


def scopes(**decided: str) -> Iterator[str | None]:
    settings = AccessSettings.model_validate(decided)
    for need in ("nothing", "reading", "listing", "registering", "computing", "writing"):
        yield scope_of(need, settings, NOBODY)


@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        ({}, [None, None, None, WRITE, None, WRITE]),
        ({"access_register": "open"}, [None, None, None, None, None, WRITE]),
        ({"access_jobs": "token"}, [None, None, None, WRITE, JOBS, WRITE]),
        ({"access_read": "token"}, [None, READ, READ, WRITE, READ, WRITE]),
    ],
)
def test_the_operator_decides_what_takes_a_token(decided: dict[str, str], expected: list[str | None]) -> None:
    assert list(scopes(**decided)) == expected


def test_a_list_of_what_others_registered_takes_all_that_is_hidden() -> None:
    settings = AccessSettings(private_collections={"a": "team", "b": "read"})
    assert scope_of("listing", settings, frozenset({"a"})) == "team"
    assert scope_of("listing", settings, NOBODY) is None


def test_what_did_not_come_through_the_door_sees_nothing() -> None:
    with pytest.raises(AttributeError, match="hidden"):
        hidden_of(Request({"type": "http"}))
