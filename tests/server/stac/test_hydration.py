"""Joining what pgSTAC took apart: our quick way beside the library's."""

from typing import Any

import orjson
import pytest
from hydraters import hydrate

from server.stac.hydration import BaseItem
from server.stac.rendered import RenderedItems, Row

pytestmark = pytest.mark.filterwarnings("ignore:Stripped DO_NOT_MERGE_MARKER")
ABSENT = "𒍟※"
BASE: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "collection": "c",
    "assets": {
        "a": {
            "title": "A",
            "roles": ["data"],
            "bands": [{"name": "x", "unit": "m"}, {"name": "y"}],
            "deep": {"k": {"l": 1}},
        },
        "b": {"title": "B", "type": "image/tiff"},
        "odd": "text",
    },
}
STORED: list[dict[str, Any]] = [
    {"id": "i", "assets": {"a": {"href": "h"}, "b": {"href": "g"}}},
    {"id": "i", "assets": {"a": {"href": "h"}, "b": ABSENT}},
    {"id": "i", "assets": {"a": {"title": ABSENT, "bands": [{"name": "z"}, {"more": 1}]}, "new": {"href": "n"}}},
    {"id": "i", "assets": {"a": {"bands": [{"name": "only"}], "deep": {"k": ABSENT, "m": None}}, "odd": "o"}},
    {"id": "i", "stac_version": ABSENT, "assets": {"a": {"bands": [{"unit": ABSENT}, 5], "roles": ["other"]}}},
    {"id": "i", "assets": ABSENT, "properties": {"nothing": None}},
    {"id": "i", "properties": {"unmatched": ABSENT, "said": f"a {ABSENT} in a text"}, "assets": {}},
    {"id": "i"},
]


@pytest.mark.parametrize("stored", STORED)
def test_the_quick_way_gives_what_the_library_gives(stored: dict[str, Any]) -> None:
    text = orjson.dumps(stored)

    quick = BaseItem(BASE).complete_to_read(orjson.loads(text), text.count(ABSENT.encode()))

    assert orjson.loads(orjson.dumps(quick)) == hydrate(BASE, orjson.loads(text), strip_unmatched_markers=True)


def test_what_the_items_of_a_collection_share_stays_as_it_is() -> None:
    base = BaseItem(orjson.loads(orjson.dumps(BASE)))
    for stored in STORED:
        text = orjson.dumps(stored)
        base.complete_to_read(orjson.loads(text), text.count(ABSENT.encode()))
        base.complete(orjson.loads(text))["assets"] = {}

    assert base.members == BASE


def test_what_was_not_asked_for_longest_makes_room() -> None:
    rows = [Row("c", str(number), (1, (0, number), 2)) for number in range(3)]
    bodies = [orjson.dumps({"id": row.id, "text": "x" * 100}) for row in rows]
    kept = RenderedItems(1100)  # of two

    kept.keep("http://one/", rows[0], bodies[0])
    kept.keep("http://one/", rows[1], bodies[1])
    assert kept.get("http://one/", rows[0]) == bodies[0]
    kept.keep("http://one/", rows[2], bodies[2])

    assert kept.get("http://one/", rows[1]) is None
    assert [kept.get("http://one/", rows[number]) for number in (0, 2)] == [bodies[0], bodies[2]]
    assert kept.get("http://other/", rows[0]) is None
    assert kept.get("http://one/", rows[0]._replace(place=(1, (0, 0), 3))) is None
