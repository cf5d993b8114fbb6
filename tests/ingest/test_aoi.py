"""The defects of the published dataset, one by one, and pixels against rasterio's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from catalog.metadata import Aoi, source_of
from catalog.objects import ObjectStore, multihash
from catalog.settings import StoreSettings
from ingest.aoi import ingest_aoi
from ingest.sources import open_source
from ingest.task import Ingested
from ingest.validate import ItemValidator

Ingest = Callable[[Path, str], Ingested]
NAME = "Landcover-8379"


@pytest.fixture
def ingest(file_store: StoreSettings) -> Ingest:
    """Ingest one AOI of a folder into a store of files."""

    def run(src: Path, name: str = NAME) -> Ingested:
        source = open_source(src)
        aoi = source.tables.aois.get(name) or Aoi(name, source_of(name))
        return ingest_aoi(aoi, source.files(name), ObjectStore.open(file_store), ItemValidator())

    return run


def by_id(ingested: Ingested) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in ingested.items}


def reasons(ingested: Ingested, *, failed: bool = False) -> str:
    return "\n".join(f"{p.file}: {p.reason}" for p in (ingested.failures if failed else ingested.notes))


def path_of(item: dict[str, Any], asset: str) -> str:
    href: str = item["assets"][asset]["href"]
    return href.removeprefix("file://")


def test_an_aoi_becomes_its_items(ingest: Ingest, tiny_dataset: Path) -> None:
    ingested = ingest(tiny_dataset, NAME)
    assert set(by_id(ingested)) == {f"{NAME}_L2A_01", f"{NAME}_L2A_02", f"{NAME}_SPOT"}
    assert ingested.failures == ()
    assert (ingested.files, ingested.bytes_out > 0) == (14, True)
    spot = by_id(ingested)[f"{NAME}_SPOT"]
    assert set(spot["assets"]) == {"ps", "pan", "rgbn", "thumbnail", "overview"}


def test_every_asset_equals_its_published_file(ingest: Ingest, tiny_dataset: Path) -> None:
    ingested = ingest(tiny_dataset, NAME)
    rasters = 0
    for item in ingested.items:
        for key, asset in item["assets"].items():
            published = tiny_dataset / asset["worldstrat:source_file"]
            assert asset["worldstrat:source_checksum"] == multihash(published.read_bytes())
            assert asset["file:checksum"] == multihash(Path(path_of(item, key)).read_bytes())
            if key in {"thumbnail", "overview"}:
                continue
            with pytest.warns(NotGeoreferencedWarning) if "SPOT" in item["id"] else rasterio.Env():
                expected = rasterio.open(published).read()
            with rasterio.open(path_of(item, key)) as src:
                scale = src.scales[0] if expected.dtype == np.float32 else 1
                assert np.array_equal((src.read() * scale).astype(expected.dtype), expected), key
                rasters += 1
    assert rasters == 13


def test_items_of_one_aoi_are_linked(ingest: Ingest, tiny_dataset: Path) -> None:
    items = by_id(ingest(tiny_dataset, NAME))
    related = [link["href"] for link in items[f"{NAME}_SPOT"]["links"] if link["rel"] == "related"]
    assert len(related) == 2
    assert any(link["rel"] == "related" for link in items[f"{NAME}_L2A_01"]["links"])


def test_a_second_ingest_writes_the_same_bytes(ingest: Ingest, tiny_dataset: Path) -> None:
    assert ingest(tiny_dataset, NAME) == ingest(tiny_dataset, NAME)


def test_a_bad_mask_is_refused_and_its_item_stays(ingest: Ingest, tiny_dataset: Path) -> None:
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-CLM.tiff").write_bytes(b"")
    ingested = ingest(tiny_dataset, NAME)
    assert "clm" not in by_id(ingested)[f"{NAME}_L2A_01"]["assets"]
    assert "clm" in by_id(ingested)[f"{NAME}_L2A_02"]["assets"]
    assert reasons(ingested, failed=True) == f"lr_dataset/{NAME}/L2A/{NAME}-1-CLM.tiff: the file is empty"


def test_bad_data_refuse_their_revisit_only(ingest: Ingest, tiny_dataset: Path) -> None:
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff").write_bytes(b"II*\0broken")
    ingested = ingest(tiny_dataset, NAME)
    assert set(by_id(ingested)) == {f"{NAME}_L2A_02", f"{NAME}_SPOT"}
    assert len(ingested.failures) == 1


def test_masks_without_data_are_a_failure(ingest: Ingest, tiny_dataset: Path) -> None:
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-L2A_data.tiff").unlink()
    assert "revisit 1 has no L2A_data; its 4 files are left out" in reasons(ingest(tiny_dataset, NAME), failed=True)


def test_a_missing_spot_raster_is_noted(ingest: Ingest, tiny_dataset: Path) -> None:
    (tiny_dataset / f"hr_dataset/{NAME}/{NAME}_pan.tiff").unlink()
    ingested = ingest(tiny_dataset, NAME)
    assert set(by_id(ingested)[f"{NAME}_SPOT"]["assets"]) == {"ps", "rgbn", "thumbnail", "overview"}
    assert "hr_dataset: no SPOT pan" in reasons(ingested)


def test_spot_files_that_are_all_bad_make_no_item(ingest: Ingest, tiny_dataset: Path) -> None:
    for path in (tiny_dataset / f"hr_dataset/{NAME}").glob("*.tiff"):
        path.write_bytes(b"")
    ingested = ingest(tiny_dataset, NAME)
    assert f"{NAME}_SPOT" not in by_id(ingested)
    assert "the AOI has no SPOT item" in reasons(ingested, failed=True)


@pytest.mark.parametrize("suffix", ["hr_dataset/{0}/{0}_pan.tiff", "lr_dataset/{0}/L2A/{0}-1.metadata"])
def test_a_file_that_could_not_be_read_leaves_its_aoi_to_be_tried_again(
    file_store: StoreSettings, tiny_dataset: Path, suffix: str
) -> None:
    path = tiny_dataset / suffix.format(NAME)
    path.touch()
    source = open_source(tiny_dataset)
    files = source.files(NAME)
    path.unlink()
    ingested = ingest_aoi(source.tables.aois[NAME], files, ObjectStore.open(file_store), ItemValidator())
    assert not ingested.finished
    assert len(ingested.items) == 3
    assert "cannot be read: No such file" in reasons(ingested) + reasons(ingested, failed=True)


def test_a_damaged_file_leaves_its_aoi_as_tried(ingest: Ingest, tiny_dataset: Path) -> None:
    (tiny_dataset / f"hr_dataset/{NAME}/{NAME}_pan.tiff").write_bytes(b"no TIFF")
    ingested = ingest(tiny_dataset, NAME)
    assert ingested.failures
    assert ingested.finished


def test_a_broken_preview_costs_the_spot_item_its_pictures_only(ingest: Ingest, tiny_dataset: Path) -> None:
    (tiny_dataset / f"hr_dataset/{NAME}/{NAME}_rgb.png").write_bytes(b"no picture")
    ingested = ingest(tiny_dataset, NAME)
    assert set(by_id(ingested)[f"{NAME}_SPOT"]["assets"]) == {"ps", "pan", "rgbn"}
    assert "cannot be read as a PNG" in reasons(ingested, failed=True)


def test_an_aoi_that_no_row_names_is_ingested_where_its_chips_lie(ingest: Ingest, tiny_dataset: Path) -> None:
    table = tiny_dataset / "metadata.csv"
    before = by_id(ingest(tiny_dataset, NAME))[f"{NAME}_SPOT"]
    table.write_text(table.read_text().splitlines()[0] + "\n")
    ingested = ingest(tiny_dataset, NAME)
    spot = by_id(ingested)[f"{NAME}_SPOT"]
    assert spot["bbox"] == pytest.approx(before["bbox"])
    assert spot["properties"]["datetime"] is None
    assert "no row names this AOI" in reasons(ingested)


def test_items_pass_pystac_with_every_extension(ingest: Ingest, tiny_dataset: Path, open_schemas: None) -> None:  # noqa: ARG001
    for item in ingest(tiny_dataset, NAME).items:
        assert pystac.Item.from_dict(item, migrate=False).validate()


def test_an_angle_raster_with_holes_is_valid_json_and_valid_stac(
    ingest: Ingest, tiny_dataset: Path, tiff: Callable[..., bytes]
) -> None:
    angles = np.full((1, 30, 32), 45, np.float32)
    angles[0, 0, 0] = np.nan
    (tiny_dataset / f"lr_dataset/{NAME}/L2A/{NAME}-1-sunZenithAngles.tiff").write_bytes(tiff(angles, nodata=0))
    ingested = ingest(tiny_dataset, NAME)
    item = by_id(ingested)[f"{NAME}_L2A_01"]
    assert item["assets"]["sun-zenith"]["nodata"] == "nan"
    assert item["properties"]["view:sun_elevation"] == 45
    assert "1 numbers are NaN or infinite" in reasons(ingested)


DEFECTS = {
    "ASMSpotter-1-1-1": ("note", "no L2A files"),
    "Amnesty POI-1-1-1": ("failure", "the file is empty"),
    "Landcover-1287118": ("failure", "it has 11 bands, L2A_data has 12"),
    "UNHCR-NGAs035867": ("failure", "cannot be read as a TIFF"),
    "UNHCR-TURs005204": ("note", "no pixel holds data"),
    "ASMSpotter-10-3-1": ("note", "numbers are NaN or infinite and became no data"),
    "UNHCR-GMBs003273": ("note", "CLM is cloud everywhere and CLP nowhere"),
    "Landcover-1017400": ("note", "its row of metadata.csv is used"),
    "Landcover-778743": ("note", "rows without L2A files: revisits 3"),
    "UNHCR-YEMs001616": ("note", "revisit 3 has no row in metadata.csv; its .metadata file is used"),
    "Landcover-8379": ("failure", "revisit 17 is not 1 to 16"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_every_planted_defect_is_a_note_or_a_failure(ingest: Ingest, defective: Path, name: str) -> None:
    kind, words = DEFECTS[name]
    ingested = ingest(defective, name)
    assert words in reasons(ingested, failed=kind == "failure")
    assert all(item["id"].startswith(name.replace(" ", "-")) for item in ingested.items)
    assert f"{name.replace(' ', '-')}_SPOT" in by_id(ingested)


def test_what_is_not_finite_is_no_data_and_every_other_pixel_as_published(ingest: Ingest, defective: Path) -> None:
    name = "ASMSpotter-10-3-1"
    item = by_id(ingest(defective, name))[f"{name}_L2A_03"]
    with rasterio.open(defective / item["assets"]["data"]["worldstrat:source_file"]) as src:
        published = src.read()
    with rasterio.open(path_of(item, "data")) as src:
        stored = (src.read() * src.scales[0]).astype(np.float32)
    finite = np.isfinite(published)
    assert not finite.all()
    assert np.array_equal(stored[finite], published[finite])
    assert not stored[~finite].any()


def test_255_in_a_cloud_mask_is_no_data_and_no_cloud(ingest: Ingest, defective: Path) -> None:
    item = by_id(ingest(defective, "UNHCR-NGAs035779"))["UNHCR-NGAs035779_L2A_03"]
    with rasterio.open(path_of(item, "clm")) as src:
        clm = src.read(1, masked=True)
    assert clm.mask.any()
    assert item["properties"]["worldstrat:cloud_cover"] == pytest.approx(100 * clm.mean(), abs=0.01)
    assert item["properties"]["worldstrat:data_cover"] < 100


def test_a_date_that_is_none_is_taken_from_the_metadata_file(ingest: Ingest, defective: Path) -> None:
    item = by_id(ingest(defective, "UNHCR-ZWEs002079"))["UNHCR-ZWEs002079_L2A_03"]
    assert item["properties"]["datetime"] is not None
