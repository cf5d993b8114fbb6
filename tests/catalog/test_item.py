"""Items against the published schemas, and against the readers that must find their bands."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import odc.stac
import pystac
import pytest
from pystac.extensions.eo import EOExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from rasterio.transform import Affine, array_bounds

from catalog.asset import ImageFacts, RasterFacts
from catalog.constants import SOURCES
from catalog.errors import MetadataError
from catalog.extension import SCHEMA_URI
from catalog.item import create_sentinel2_item, create_spot_item, link_related
from catalog.metadata import Aoi, Revisit
from catalog.wording import REASONS, SUBJECTS

Rasters = dict[str, list[RasterFacts]]
BOUNDS = (13.0, 11.0, 13.016, 11.016)


@pytest.fixture
def l2a(rasters: Rasters, aoi: Aoi) -> pystac.Item:
    return create_sentinel2_item(aoi, aoi.revisits[0], "L2A", rasters["L2A"])


@pytest.fixture
def spot(rasters: Rasters, aoi: Aoi, thumbnail: ImageFacts) -> pystac.Item:
    return create_spot_item(aoi, rasters["SPOT"], [thumbnail])


@pytest.mark.usefixtures("open_schemas")
def test_items_are_valid_against_core_and_every_extension_they_name(
    rasters: Rasters, aoi: Aoi, l2a: pystac.Item, spot: pystac.Item
) -> None:
    l1c = create_sentinel2_item(aoi, aoi.revisits[0], "L1C", rasters["L1C"], ["an oddity"])
    link_related([spot, l2a, l1c])
    for item in (spot, l2a, l1c):
        assert item.validate()[1:] == item.stac_extensions
        assert SCHEMA_URI in item.stac_extensions


def test_ids_write_the_name_with_hyphens_and_the_name_itself_stays(l2a: pystac.Item, spot: pystac.Item) -> None:
    assert (l2a.id, spot.id) == ("Amnesty-POI-1-1-1_L2A_01", "Amnesty-POI-1-1-1_SPOT")
    assert l2a.properties["worldstrat:aoi"] == spot.properties["worldstrat:aoi"] == "Amnesty POI-1-1-1"


def test_items_say_in_words_what_they_are(rasters: Rasters, aoi: Aoi, l2a: pystac.Item, spot: pystac.Item) -> None:
    assert l2a.properties["description"] == (
        "Sentinel-2 L2A image of Amnesty POI-1-1-1, a place that Amnesty International watches over human rights. "
        "Land use: Settlement; Urban areas; Urban: Centre."
    )
    assert spot.properties["description"].startswith("SPOT 6/7 image of Amnesty POI-1-1-1")
    assert l2a.properties["keywords"] == ["Amnesty", "human rights", "Settlement", "Urban areas", "Urban: Centre"]
    unknown = create_spot_item(replace(aoi, ipcc=None, lccs_label=None, smod_label=None), rasters["SPOT"])
    assert unknown.properties["keywords"] == ["Amnesty", "human rights"]
    assert "Land use" not in unknown.properties["description"]


def test_every_source_has_words() -> None:
    assert set(REASONS) == set(SUBJECTS) == set(SOURCES)


def test_a_day_becomes_midnight_and_the_range_of_that_day(l2a: pystac.Item) -> None:
    assert l2a.datetime == datetime(2019, 12, 1, tzinfo=UTC)
    assert l2a.properties["start_datetime"] == "2019-12-01T00:00:00Z"
    assert l2a.properties["end_datetime"] == "2019-12-01T23:59:59Z"


@pytest.mark.usefixtures("open_schemas")
def test_an_item_without_a_date_says_null_and_when_it_may_have_been(rasters: Rasters, aoi: Aoi) -> None:
    item = create_sentinel2_item(aoi, Revisit(1), "L2A", rasters["L2A"])
    item.validate()
    assert item.datetime is None
    assert item.properties["start_datetime"] < item.properties["end_datetime"]


@pytest.mark.usefixtures("open_schemas")
def test_a_split_conflict_is_null_and_listed(rasters: Rasters, aoi: Aoi) -> None:
    item = create_spot_item(replace(aoi, splits=("val", "train")), rasters["SPOT"])
    item.validate()
    properties = item.properties
    assert properties["worldstrat:split"] is None
    assert properties["worldstrat:split_conflict"] is True
    assert properties["worldstrat:splits"] == ["val", "train"]
    assert "ml-aoi:split" not in properties


@pytest.mark.usefixtures("open_schemas")
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_our_split_and_the_extensions_agree(rasters: Rasters, aoi: Aoi, split: str) -> None:
    item = create_spot_item(replace(aoi, splits=(split,)), rasters["SPOT"])
    item.validate()
    assert item.properties["worldstrat:split"] == split
    assert item.properties["ml-aoi:split"] == ("validate" if split == "val" else split)


@pytest.mark.usefixtures("open_schemas")
@pytest.mark.parametrize(
    "broken",
    [{"worldstrat:split": "dev"}, {"worldstrat:ipcc": "nan"}, {"worldstrat:revisit": 17}, {"worldstrat:typo": 1}],
)
def test_our_schema_refuses_what_the_dataset_cannot_hold(l2a: pystac.Item, broken: dict[str, Any]) -> None:
    l2a.properties |= broken
    with pytest.raises(pystac.STACValidationError):
        l2a.validate()


def test_pystac_finds_bands_scale_and_nodata(l2a: pystac.Item) -> None:
    data = l2a.assets["data"]
    eo_bands, raster_bands = EOExtension.ext(data).bands, RasterExtension.ext(data).bands
    assert eo_bands is not None
    assert raster_bands is not None
    assert [band.name for band in eo_bands][:4] == ["B01", "B02", "B03", "B04"]
    assert {band.common_name for band in eo_bands} >= {"blue", "green", "red", "nir", "swir16"}
    assert {(band.scale, band.nodata) for band in raster_bands} == {(0.0001, 0)}


@pytest.mark.parametrize("names", [["red", "nir"], ["B04", "B08"]])
def test_odc_stac_finds_bands_by_name_and_by_common_name(l2a: pystac.Item, names: list[str]) -> None:
    parsed = odc.stac.parse_item(l2a)
    found = [parsed.resolve_bands(name)[name] for name in names]
    assert [source.band for source in found] == [4, 8]
    assert {source.uri for source in found} == {"s3://bucket/data.tif"}


def test_the_grid_of_every_asset_covers_the_bounds(spot: pystac.Item) -> None:
    for key in ("ps", "pan", "rgbn"):
        projection = ProjectionExtension.ext(spot.assets[key])
        assert projection.shape is not None
        assert projection.transform is not None
        bounds = array_bounds(*projection.shape, Affine(*projection.transform))
        assert bounds == pytest.approx(BOUNDS)
        assert projection.bbox == pytest.approx(BOUNDS)


def test_an_item_without_known_bounds_takes_those_of_its_raster(rasters: Rasters, aoi: Aoi) -> None:
    item = create_spot_item(replace(aoi, bounds=None), rasters["SPOT"])
    assert item.bbox == pytest.approx(list(BOUNDS))


def test_cover_and_angles_come_from_the_rasters(l2a: pystac.Item) -> None:
    properties = l2a.properties
    assert properties["worldstrat:cloud_cover"] == 25.0
    assert properties["worldstrat:data_cover"] == 100.0
    assert properties["view:sun_elevation"] == 60.0
    assert properties["view:sun_azimuth"] == 120.0


def test_an_item_whose_masks_are_missing_claims_no_cover(rasters: Rasters, aoi: Aoi) -> None:
    item = create_sentinel2_item(aoi, aoi.revisits[0], "L2A", rasters["L2A"][:1])
    assert "worldstrat:cloud_cover" not in item.properties
    assert not [name for name in item.properties if name.startswith("view:")]


@pytest.mark.usefixtures("open_schemas")
def test_an_item_links_to_the_item_it_was_cut_from(rasters: Rasters, aoi: Aoi) -> None:
    source = "https://stac.example/collections/s2/items/a"
    item = create_sentinel2_item(aoi, Revisit(1, source_item=source, product_id="S2A_a.SAFE"), "L2A", rasters["L2A"])
    (link,) = item.get_links("derived_from")
    assert (link.href, link.title) == (source, "S2A_a.SAFE")
    item.validate()


def test_an_item_without_a_raster_is_refused(aoi: Aoi) -> None:
    with pytest.raises(MetadataError, match="needs at least one raster"):
        create_spot_item(aoi, [])


def test_spot_and_sentinel_2_point_at_each_other(rasters: Rasters, aoi: Aoi, spot: pystac.Item) -> None:
    revisits = [
        create_sentinel2_item(aoi, revisit, level, rasters[level])
        for revisit in aoi.revisits
        for level in ("L2A", "L1C")
    ]
    link_related([spot, *revisits])

    def related(item: pystac.Item) -> set[str]:
        return {link.get_href(transform_href=False).rsplit("/", 1)[1] for link in item.get_links("related")}  # type: ignore[union-attr]

    assert related(spot) == {item.id for item in revisits}
    assert related(revisits[0]) == {spot.id, "Amnesty-POI-1-1-1_L1C_01"}


@pytest.mark.usefixtures("open_schemas")
def test_what_pystac_reads_back_is_valid_without_schemas_we_never_named(l2a: pystac.Item) -> None:
    again = pystac.Item.from_dict(l2a.to_dict(include_self_link=False))
    again.validate()
    assert again.stac_extensions == l2a.stac_extensions
    assert again.assets["scl"].extra_fields["classification:classes"][4]["name"] == "vegetation"
