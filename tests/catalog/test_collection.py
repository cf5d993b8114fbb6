"""Collections, their renders and queryables, against schemas and against each other."""

from typing import Any

import pystac
import pytest
from jsonschema import Draft202012Validator

from catalog.asset import RasterFacts
from catalog.bands import SENTINEL2_PRODUCTS, SPOT_PRODUCTS, Product
from catalog.collection import create_collections
from catalog.constants import COLLECTION_L1C, COLLECTION_L2A, COLLECTION_SPOT
from catalog.extension import aoi_properties, revisit_properties
from catalog.item import create_sentinel2_item, create_spot_item
from catalog.landuse import IPCC_CLASSES, LCCS_CLASSES, SMOD_CLASSES
from catalog.metadata import Aoi
from catalog.queryables import INDEXED, queryables
from catalog.render import renders

Rasters = dict[str, list[RasterFacts]]

PRODUCTS: dict[str, tuple[Product, ...]] = {
    COLLECTION_L2A: SENTINEL2_PRODUCTS["L2A"],
    COLLECTION_L1C: SENTINEL2_PRODUCTS["L1C"],
    COLLECTION_SPOT: SPOT_PRODUCTS,
}


@pytest.mark.usefixtures("open_schemas")
def test_collections_are_valid_against_core_and_every_extension_they_name() -> None:
    for collection in create_collections():
        assert collection.validate()[1:] == collection.stac_extensions


def test_spot_is_for_non_commercial_use_and_sentinel_2_is_free() -> None:
    licenses = {collection.id: collection.license for collection in create_collections()}
    assert licenses == {
        COLLECTION_L2A: "CC-BY-4.0",
        COLLECTION_L1C: "CC-BY-4.0",
        COLLECTION_SPOT: "CC-BY-NC-4.0",
    }


def test_item_assets_say_of_an_asset_what_the_item_says(rasters: Rasters, aoi: Aoi) -> None:
    by_id = {collection.id: collection for collection in create_collections()}
    items = [
        create_sentinel2_item(aoi, aoi.revisits[0], "L2A", rasters["L2A"]),
        create_spot_item(aoi, rasters["SPOT"]),
    ]
    for item in items:
        described = by_id[str(item.collection_id)].extra_fields["item_assets"]
        for key, asset in item.to_dict(include_self_link=False)["assets"].items():
            assert described[key].items() <= asset.items()


@pytest.mark.parametrize("collection_id", PRODUCTS)
def test_a_render_names_assets_and_bands_that_exist(collection_id: str) -> None:
    products = {product.key: product for product in PRODUCTS[collection_id]}
    for render in renders(collection_id).values():
        (key,) = render["assets"]
        names = {band.common_name or band.name for band in products[key].bands}
        assert set(render.get("bands", [])) <= names
        for index, name in zip(render.get("bidx", []), render.get("bands", []), strict=False):
            assert products[key].bands[index - 1].common_name == name


def test_scene_classes_keep_the_published_colours() -> None:
    colormap: dict[str, Any] = renders(COLLECTION_L2A)["scl"]["colormap"]
    assert colormap["4"] == [16, 211, 45, 255]
    assert colormap["11"] == [83, 255, 250, 255]
    assert colormap["0"][3] == 0
    assert len(colormap) == 12


def test_every_property_of_an_item_is_a_queryable_and_agrees_with_its_schema(aoi: Aoi) -> None:
    document = queryables()
    Draft202012Validator.check_schema(document)
    properties = aoi_properties(aoi) | revisit_properties(aoi.revisits[0])
    asked = {name: value for name, value in properties.items() if name.startswith("worldstrat:")}
    assert asked.keys() <= document["properties"].keys()
    assert not list(Draft202012Validator(document).iter_errors(asked))
    assert set(INDEXED) <= document["properties"].keys()


def test_queryables_list_the_classes_of_the_dataset() -> None:
    fields = queryables()["properties"]
    assert fields["worldstrat:ipcc"]["enum"] == list(IPCC_CLASSES)
    assert fields["worldstrat:smod"] | {"type": "integer"} == fields["worldstrat:smod"]
    assert fields["worldstrat:smod"]["enum"] == list(SMOD_CLASSES)
    assert fields["worldstrat:split"]["enum"] == ["train", "val", "test"]


def test_land_cover_labels_are_typed_with_a_plain_hyphen() -> None:
    assert all(label.isascii() for label in LCCS_CLASSES.values())
    assert len(LCCS_CLASSES) == 36


def test_collections_survive_a_round_trip_through_json() -> None:
    for collection in create_collections():
        again = pystac.Collection.from_dict(collection.to_dict(include_self_link=False))
        assert again.extra_fields["renders"] == collection.extra_fields["renders"]
