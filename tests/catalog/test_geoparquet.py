"""Items to stac-geoparquet and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rustac

from catalog.errors import SnapshotError
from catalog.geoparquet import BATCH, Shape, write_geoparquet

Json = dict[str, Any]


def item(number: int, **properties: Any) -> Json:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"item-{number:04d}",
        "collection": "things",
        "geometry": {"type": "Point", "coordinates": [number / 100, 1.5]},
        "bbox": [number / 100, 1.5, number / 100, 1.5],
        "properties": {"datetime": "2020-01-01T00:00:00Z", **properties},
        "links": [],
        "assets": {"data": {"href": f"{number}.tif", "roles": ["data"]}},
    }


def read(path: Path) -> dict[str, Json]:
    return {row["id"]: row for row in rustac.read_sync(str(path), set_self_link=False)["features"]}


def test_what_only_the_last_of_many_items_has_is_not_lost(tmp_path: Path) -> None:
    items = [item(number, level=1, note=None) for number in range(3 * BATCH)]
    items[-1]["properties"] |= {"note": "odd", "level": 1.5, "deep": {"list": [{"a": 1}, {"b": "x"}]}}
    items[-1]["assets"]["mask"] = {"href": "m.tif", "bands": [{"name": "m", "nodata": 0}]}
    table = write_geoparquet(tmp_path / "a.parquet", lambda: iter(items))
    assert table is not None
    assert table.rows == len(items)
    assert {"note", "level", "deep", "assets", "geometry"} <= set(table.columns)
    assert "properties" not in table.columns
    found = read(tmp_path / "a.parquet")
    assert len(found) == len(items)
    last = found[items[-1]["id"]]
    assert last["properties"]["note"] == "odd"
    assert last["properties"]["level"] == 1.5
    assert [element for element in last["properties"]["deep"]["list"] if element] == [{"a": 1}, {"b": "x"}]
    assert last["assets"]["mask"]["bands"] == [{"name": "m", "nodata": 0}]
    assert found["item-0000"]["properties"]["level"] == 1
    assert "mask" not in found["item-0000"]["assets"]


def test_the_same_items_give_the_same_bytes(tmp_path: Path) -> None:
    items = [item(number, level=number) for number in range(BATCH + 3)]
    for name in "a", "b":
        write_geoparquet(tmp_path / name, lambda: iter(items))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_items_make_no_file(tmp_path: Path) -> None:
    assert write_geoparquet(tmp_path / "a.parquet", lambda: iter(())) is None
    assert not (tmp_path / "a.parquet").exists()


def test_a_member_that_is_a_word_here_and_a_list_there_is_refused(tmp_path: Path) -> None:
    items = [item(1, level="high"), item(2, level=[1])]
    with pytest.raises(SnapshotError, match="do not fit into one table"):
        write_geoparquet(tmp_path / "a.parquet", lambda: iter(items))


def test_only_batches_of_items_are_in_memory(tmp_path: Path) -> None:
    held: list[int] = []

    class Counted(dict[str, Any]):
        """An item that says when it is gone."""

        def __del__(self) -> None:
            held.remove(0)

    def items() -> Iterator[Json]:
        for number in range(8 * BATCH):
            held.append(0)
            assert len(held) <= 2 * BATCH + 2
            yield Counted(item(number, level=1))

    table = write_geoparquet(tmp_path / "a.parquet", items)
    assert table is not None
    assert table.rows == 8 * BATCH


@pytest.mark.parametrize(
    ("value", "is_new"),
    [({"a": 2}, False), ({"a": None}, False), ({"a": 2.5}, True), ({"b": 1}, True), ({"c": [{"x": 1}]}, False),
     ({"c": [{"x": 1}, {"y": 1}]}, True), ({}, False), (None, False)],
)  # fmt: skip
def test_a_shape_tells_what_it_has_not_seen(value: Any, is_new: bool) -> None:  # noqa: FBT001 - a parameter of the test
    shape = Shape()
    assert shape.learn({"a": 1, "c": [{"x": 2}]})
    assert shape.learn(value) is is_new
    assert shape.learn(value) is False
