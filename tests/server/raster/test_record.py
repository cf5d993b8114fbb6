from typing import Any

import pytest

from server.raster.errors import InvalidRecordError, UnknownAssetError, UnknownBandError, UnknownRenderError
from server.raster.record import ItemRecord, create_record
from server.raster.selection import choose_assets, select

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
GRID = {"proj:shape": [10, 20], "proj:transform": [0.1, 0, 5, 0, -0.1, 50, 0, 0, 1]}


def asset(*bands: tuple[str, str | None], **fields: Any) -> dict[str, Any]:
    named = [{"name": name} | ({"eo:common_name": common} if common else {}) for name, common in bands]
    return {"href": "s3://bucket/key", "type": COG, "bands": named, **fields}


def item(**assets: dict[str, Any]) -> dict[str, Any]:
    return {"id": "an-item", "collection": "a-collection", "properties": dict(GRID), "assets": assets}


@pytest.fixture
def record() -> ItemRecord:
    data = asset(("B04", "red"), ("B08", "nir"), ("B8A", "nir08"), **{"file:checksum": "1220aa"})
    scl = asset(("scl", None), **{"classification:classes": [{"value": 4, "color_hint": "10D32D"}, {"value": 5}]})
    mask = asset(("data-mask", None))
    thumbnail = {"href": "s3://bucket/png", "type": "image/png"}
    renders = {
        "scl": {"assets": ["scl"], "bands": ["scl"]},
        "ndvi": {"assets": ["data"], "expression": "(nir-red)/(nir+red)"},
        "true-color": {"assets": ["data"], "bands": ["red", "nir", "B8A"], "rescale": [[0, 0.3]]},
    }
    return create_record(item(**{"scl": scl, "data": data, "data-mask": mask, "thumbnail": thumbnail}), renders)


def test_a_record_holds_the_rasters_and_their_grid(record: ItemRecord) -> None:
    assert list(record.assets) == ["data", "data-mask", "scl"]
    assert record.assets["data"].grid.bounds == pytest.approx((5, 49, 7, 50))
    assert record.assets["scl"].colormap == {4: (0x10, 0xD3, 0x2D, 255)}


def test_the_default_render_comes_first_and_names_the_default_raster(record: ItemRecord) -> None:
    assert list(record.renders) == ["true-color", "ndvi", "scl"]
    assert record.default_asset.key == "data"


def test_the_version_follows_what_an_answer_depends_on() -> None:
    plain = item(data=asset(("B04", "red"), **{"file:checksum": "1220aa"}))
    changed = item(data=asset(("B04", "red"), **{"file:checksum": "1220bb"}))
    versions = {
        create_record(plain, {}).version,
        create_record(changed, {}).version,
        create_record(plain, {"a": {}}).version,
    }
    assert len(versions) == 3
    assert create_record(plain, {}).version in versions


def test_an_item_that_cannot_be_read_says_what_it_lacks() -> None:
    with pytest.raises(InvalidRecordError, match="no GeoTIFF"):
        create_record(item(thumbnail={"href": "x", "type": "image/png"}), {})
    lost = item(data=asset(("B04", "red")))
    lost["properties"] = {}
    with pytest.raises(InvalidRecordError, match="proj:shape"):
        create_record(lost, {})


def test_names_lead_to_rasters_and_numbers(record: ItemRecord) -> None:
    picks = select(record, bands=["nir", "b04", "scl", "data_mask", "data:B8A"]).picks
    assert [(pick.asset.key, pick.index) for pick in picks] == [
        ("data", 2),
        ("data", 1),
        ("scl", 1),
        ("data-mask", 1),
        ("data", 3),
    ]


def test_every_raster_is_read_once(record: ItemRecord) -> None:
    selection = select(record, bands=["nir", "scl", "red", "nir"])
    assert [(raster.key, indexes) for raster, indexes in selection.reads] == [("data", (2, 1)), ("scl", (1,))]


def test_silence_means_the_default_render_or_all_bands(record: ItemRecord) -> None:
    assert select(record).names == ["red", "nir", "B8A"]
    assert select(record, everything=True).names == ["B04", "B08", "B8A"]
    assert select(record, assets=["scl"]).render == record.renders["scl"]
    assert select(record, assets=["data-mask"]).names == ["data-mask"]


def test_bands_win_over_those_of_a_named_render_which_still_paints(record: ItemRecord) -> None:
    selection = select(record, render="true-color", bands=["red"])
    assert selection.names == ["red"]
    assert selection.render == record.renders["true-color"]


def test_unknown_names_are_refused_with_the_known_ones(record: ItemRecord) -> None:
    with pytest.raises(UnknownBandError, match=r"B04 \(red\)"):
        select(record, bands=["blue"])
    with pytest.raises(UnknownBandError, match="scl"):
        select(record, bands=["red"], assets=["scl"])
    with pytest.raises(UnknownAssetError, match="data"):
        choose_assets(record, ["thumbnail"])
    with pytest.raises(UnknownRenderError, match="ndvi"):
        select(record, render="unknown")
