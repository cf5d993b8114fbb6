"""Conditions against the items themselves, read one by one."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from pystac_client import Client

from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from client.errors import QueryError, ServerError
from client.options import open_client
from client.query import Query
from infra.cli import main

Item = dict[str, Any]
BOTH = (COLLECTION_SPOT, COLLECTION_L2A)


@pytest.fixture(scope="module")
def client(live_server: str) -> Client:
    return open_client(f"{live_server}/stac")


@pytest.fixture(scope="module")
def everything(client: Client) -> list[Item]:
    return list(Query(collections=(*BOTH, COLLECTION_L1C)).search(client).items_as_dicts())


def _told(item: Item, name: str) -> Any:
    return item["properties"].get(f"worldstrat:{name}")


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        (Query(), lambda item: item["collection"] in BOTH),
        (Query(collections=(COLLECTION_L1C,)), lambda item: item["collection"] == COLLECTION_L1C),
        (Query(sources=("UNHCR", "Amnesty")), lambda item: _told(item, "source") in {"UNHCR", "Amnesty"}),
        (Query(splits=("train",)), lambda item: _told(item, "split") == "train" and not _told(item, "split_conflict")),
        (Query(max_revisit=1), lambda item: _told(item, "revisit") in {None, 1}),
        (Query(max_delta=30), lambda item: _told(item, "revisit") is None or abs(_told(item, "delta")) <= 30),
        (Query(max_cloud=5), lambda item: _told(item, "revisit") is None or _told(item, "cloud_cover") <= 5),
        (
            Query(sources=("Landcover",), max_revisit=1, collections=(COLLECTION_L2A,)),
            lambda item: _told(item, "source") == "Landcover" and _told(item, "revisit") == 1,
        ),
    ],
)
def test_a_query_finds_the_items_that_fulfil_it(
    client: Client, everything: list[Item], query: Query, holds: Callable[[Item], bool]
) -> None:
    expected = {item["id"] for item in everything if item["collection"] in query.collections and holds(item)}
    assert {item["id"] for item in query.search(client).items_as_dicts()} == expected
    assert expected, "the condition is tried on something"


def test_a_place_and_a_limit_narrow_a_query(client: Client, everything: list[Item]) -> None:
    aoi, bbox = _told(everything[0], "aoi"), everything[0]["bbox"]
    inside = list(Query(bbox=tuple(bbox)).search(client).items_as_dicts())
    assert {_told(item, "aoi") for item in inside} == {aoi}
    assert list(Query(aois=(aoi,)).search(client).items_as_dicts()) == inside
    assert len(list(Query(limit=3).search(client).items_as_dicts())) == 3


def test_what_makes_no_search_is_told(client: Client) -> None:
    with pytest.raises(QueryError, match="yesterday"):
        Query(datetime="yesterday").search(client)


def test_an_address_without_a_server_is_named() -> None:
    with pytest.raises(ServerError, match=r"127\.0\.0\.1:9/stac does not answer"):
        open_client("http://127.0.0.1:9/stac")


@pytest.mark.parametrize("address", ["{server}", "{server}/stac/collections", "./folder", "http://host:port/stac"])
@pytest.mark.parametrize("command", ["search", "stats"])
def test_an_address_of_something_else_is_told(live_server: str, command: str, address: str) -> None:
    url = address.format(server=live_server)
    result = CliRunner().invoke(main, [command, "--url", url])
    assert result.exit_code == 1
    assert f"Error: {url} " in result.stderr
    assert "/stac address" in result.stderr or "refused to count" in result.stderr


def test_counts_are_not_limited() -> None:
    result = CliRunner().invoke(main, ["stats", "--limit", "5"])
    assert result.exit_code == 2
    assert "--limit is for lists" in result.stderr
