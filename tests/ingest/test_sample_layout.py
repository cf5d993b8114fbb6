"""The sample against the published form, to the letter."""

import csv
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from catalog.landuse import LCCS_CLASSES, SMOD_CLASSES
from catalog.metadata import Tables, read_revisit_json, read_tables
from ingest.sample.build import MANIFEST, README
from ingest.sample.place import AREA, select_places
from ingest.sample.revisits import MOST_REVISITS, choose_revisits
from ingest.sample.tables import write_tables

ANGLES = {"sunAzimuthAngles", "sunZenithAngles", "viewAzimuthMean", "viewZenithMean"}
MASKS = {"CLM", "CLP", "dataMask"}
TABLES = ("metadata.csv", "stratified_train_val_test_split.csv")


@pytest.fixture(scope="module")
def tables(dataset: Path) -> Tables:
    return read_tables(*(dataset / name for name in TABLES))


def form(path: Path) -> tuple[object, ...]:
    """What a TIFF is, but for its size and pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            profile = source.profile
            return (
                *(source.count, source.dtypes[0], source.nodata, source.crs.to_epsg(), source.transform.is_identity),
                *(profile["interleave"], profile["compress"], source.descriptions[0], source.scales[0]),
            )


def kinds(root: Path) -> dict[tuple[str, str], set[tuple[object, ...]]]:
    """The forms of each kind of TIFF by (level or SPOT, kind)."""
    found: dict[tuple[str, str], set[tuple[object, ...]]] = {}
    for path in root.rglob("*.tiff"):
        level = path.parent.name if path.parent.name in {"L2A", "L1C"} else "SPOT"
        kind = path.stem.rsplit("-" if level != "SPOT" else "_", 1)[-1]
        found.setdefault((level, kind), set()).add(form(path))
    return found


def test_every_raster_has_the_form_that_the_format_page_gives_it(dataset: Path) -> None:
    lr = (4326, False, "band", "deflate", None, 1.0)
    expected = {
        ("SPOT", "ps"): (4, "uint16", None, 4326, True, "pixel", "deflate", None, 1.0),
        ("SPOT", "rgbn"): (4, "uint16", None, 4326, True, "pixel", "deflate", None, 1.0),
        ("SPOT", "pan"): (1, "uint16", None, 4326, True, "band", "deflate", None, 1.0),
        ("L2A", "L2A_data"): (12, "float32", 0.0, *lr),
        ("L1C", "L1C_data"): (13, "float32", 0.0, *lr),
        ("L2A", "SCL"): (1, "float32", 0.0, *lr),
        **{(level, kind): (1, "float32", 0.0, *lr) for level in ("L2A", "L1C") for kind in MASKS | ANGLES},
    }
    assert kinds(dataset) == {kind: {one} for kind, one in expected.items()}


def test_the_rasters_have_the_form_of_the_reference_generator(dataset: Path, shared: Path, tmp_path: Path) -> None:
    build = [sys.executable, str(shared / "sample/build.py"), str(tmp_path / "reference")]
    subprocess.run([*build, "--aois", "4", "--revisits", "1"], check=True, capture_output=True)
    assert kinds(dataset) == kinds(tmp_path / "reference")
    ours, theirs = ((root / TABLES[0]).read_text().partition("\n")[0] for root in (dataset, tmp_path / "reference"))
    assert ours == theirs


def test_each_source_has_its_own_ancillary_rasters(dataset: Path) -> None:
    for aoi in (dataset / "lr_dataset").iterdir():
        for level in ("L2A", "L1C"):
            names = {path.stem.rsplit("-", 1)[-1] for path in (aoi / level).glob(f"{aoi.name}-1-*.tiff")}
            angles = aoi.name.startswith(("ASMSpotter", "Amnesty"))
            beside = ANGLES if angles else {"SCL"} if level == "L2A" else set()
            assert names == {f"{level}_data"} | MASKS | beside


def test_lr_rasters_lie_exactly_on_the_bounds_of_the_table(dataset: Path, tables: Tables) -> None:
    for path in (dataset / "lr_dataset").rglob("*.tiff"):
        with rasterio.open(path) as source:
            assert np.allclose(source.bounds, tables.aois[path.parents[1].name].bounds, rtol=0, atol=1e-12)
            assert source.transform.b == source.transform.d == 0
            assert source.transform.e < 0


def test_hr_rasters_have_the_published_sizes(dataset: Path) -> None:
    sizes = {"ps": 1054, "pan": 1054, "rgbn": 263}
    for path in (dataset / "hr_dataset").rglob("*.tiff"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as source:
                assert source.shape == (sizes[path.stem.rsplit("_", 1)[-1]],) * 2
                assert source.read().min() > 0
    for path in (dataset / "hr_dataset").rglob("*_rgb.png"):
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((1054, 1054), "RGB")


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [
        ("ASMSpotter-1-1-1", 158, 159),
        ("UNHCR-ZWEs002079", 158, 159),
        ("Landcover-778743", 158, 158),
        ("Landcover-8379", 160, 157),
        ("Amnesty POI-1-1-1", 159, 157),
    ],
)
def test_places_that_the_format_page_names_have_the_sizes_it_gives(name: str, width: int, height: int) -> None:
    place = next(place for place in select_places(8) if place.name == name)
    assert place.lr_size == (height, width)


def test_an_aoi_is_a_square_of_two_and_a_half_square_kilometres() -> None:
    for place in select_places(8):
        west, south, east, north = place.bounds
        metres = 6371008.8 * np.radians(np.array([(east - west) * np.cos(np.radians(place.lat)), north - south]))
        assert np.allclose(metres, 1000 * np.sqrt(AREA), rtol=0.007)  # a sphere is that far from the ellipsoid
        assert ((west + east) / 2, (south + north) / 2) == pytest.approx((place.lon, place.lat))


def test_the_json_of_a_revisit_is_in_the_dialect_of_its_source_and_agrees_with_the_table(
    dataset: Path, tables: Tables
) -> None:
    for path in (dataset / "lr_dataset").rglob("*.metadata"):
        n, name = int(path.stem.rsplit("-", 1)[-1]), path.parents[1].name
        facts = json.loads(path.read_text())
        if name.startswith(("ASMSpotter", "Amnesty")):
            assert set(facts) == {"cloud_cover", "target_date", "delta", "area", "datetime"}
            assert isinstance(facts["delta"], str)
        else:
            assert facts["SMOD"] in SMOD_CLASSES.values()
            assert json.loads(facts["bounds"]) == list(tables.aois[name].bounds or ())
        assert read_revisit_json(path.read_text(), n) == tables.aois[name].revisit(n)


def test_the_tables_parse_without_a_problem_but_the_two_split_oddities(tables: Tables) -> None:
    assert [problem.aoi for problem in tables.problems] == ["Amnesty POI-5-2-2", "UNHCR-NERs009627"]
    assert tables.aois["Amnesty POI-5-2-2"].splits == ("test", "train")
    assert tables.aois["UNHCR-NERs009627"].splits == ()
    assert {aoi.source for aoi in tables.aois.values()} == {"Amnesty", "ASMSpotter", "Landcover", "UNHCR"}


def test_classes_are_labelled_as_the_vocabulary_labels_them() -> None:
    for place in select_places(8):
        assert place.classes.lccs_label == LCCS_CLASSES[place.classes.lccs]
        assert place.classes.smod_label == SMOD_CLASSES[place.classes.smod]


def test_every_row_has_its_files_and_every_file_its_row(dataset: Path, tables: Tables) -> None:
    rows = {(name, revisit.n) for name, aoi in tables.aois.items() for revisit in aoi.revisits}
    files = {
        (path.parents[1].name, int(path.stem.rsplit("-", 2)[-2]))
        for path in (dataset / "lr_dataset").rglob("*_data.tiff")
    }
    assert rows == files


def test_only_version_one_leaves_the_first_column_without_a_name(tmp_path: Path) -> None:
    plan = {place: choose_revisits(place, 1, 0) for place in select_places(4)}
    for version, first in (("v1.0", ""), ("v1.1", "tile")):
        write_tables(tmp_path, plan, version)
        with (tmp_path / "metadata.csv").open(newline="") as table:
            assert next(csv.reader(table))[0] == first
        assert len(read_tables(*(tmp_path / name for name in TABLES)).aois) == 4


def test_revisits_are_ranked_best_first_and_their_deltas_are_days_from_the_spot_date() -> None:
    for place in select_places(8):
        revisits = choose_revisits(place, MOST_REVISITS, 0)
        assert [revisit.n for revisit in revisits] == list(range(1, 17))
        assert [revisit.rank for revisit in revisits] == sorted(revisit.rank for revisit in revisits)
        assert len({revisit.lowres_date for revisit in revisits}) == MOST_REVISITS
        assert all((revisit.lowres_date - place.highres_date).days == revisit.delta for revisit in revisits)
        assert revisits[0].cloud_share == 0
        assert any(revisit.cloud_share > 0.1 for revisit in revisits)


def test_names_stay_apart_however_many_places_there_are() -> None:
    names = [place.name for place in select_places(400)]
    assert len(set(names)) == 400


def test_a_person_is_told_that_the_pixels_are_not_real(dataset: Path) -> None:
    assert "not real pixels" in (dataset / README).read_text()
    assert json.loads((dataset / MANIFEST).read_text())["procedural"] is True
