"""Catalogs of other houses: bands found by their names for them, numbers taken as they mean them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from pyproj import Transformer
from rasterio.transform import from_bounds

from catalog.bands import SENTINEL2_PRODUCTS
from catalog.settings import DatabaseSettings, StoreSettings
from infra.cli import main
from infra.databases import database_env
from infra.stores import store_env
from ingest.extend.bands import ItemLayers
from ingest.extend.errors import RevisitError

BANDS = [band.name for band in SENTINEL2_PRODUCTS["L2A"][0].bands]
Extend = Callable[..., Result]


@pytest.fixture
def extend(foreign: Any, tmp_path: Path) -> Extend:
    """Run the command over one point in the images of the foreign catalog; files go to `out`."""
    point = {"type": "Point", "coordinates": [13.15, 11.78]}
    properties = {"name": "New POI-1", "target_date": "2022-02-01", "lccs": 10}
    feature = {"type": "Feature", "geometry": point, "properties": properties}
    (tmp_path / "aois.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    def run(collection: str, *options: str, env: dict[str, str] | None = None) -> Result:
        command = ["extend", str(tmp_path / "aois.geojson"), "--stac", foreign.url, "--collection", collection]
        command += ["--out", str(tmp_path / "out"), "--json", *options]
        return CliRunner().invoke(main, command if env else [*command, "--no-ingest"], env=env)

    return run


def digital(foreign: Any, band: str, like: rasterio.DatasetReader) -> np.ma.MaskedArray[Any, Any]:
    """The number that lies below each pixel's centre, by pyproj alone; masked where two are equally near."""
    columns, rows = np.meshgrid(np.arange(like.width) + 0.5, np.arange(like.height) + 0.5)
    to_utm = Transformer.from_crs(like.crs, "EPSG:32633", always_xy=True)
    with rasterio.open(foreign.raster(band)) as src:
        x, y = ~src.transform * to_utm.transform(*(like.transform * (columns, rows)))
        numbers = src.read(1)[np.floor(y).astype(int), np.floor(x).astype(int)]
    between = np.minimum(abs(x - np.rint(x)), abs(y - np.rint(y))) < 0.001
    assert between.mean() < 0.01
    return np.ma.masked_array(numbers, between)


def revisits(result: Result) -> dict[str, dict[str, Any]]:
    """The revisits of the one AOI by day."""
    (aoi,) = json.loads(result.stdout)["aois"]
    return {revisit["date"]: revisit for revisit in aoi["revisits"]}


@pytest.mark.parametrize(
    ("collection", "day", "offset"),
    [
        ("sentinel-2-l2a", "2020-01-03", 0),  # before baseline 04.00, whatever the item's raster:bands say
        ("sentinel-2-l2a", "2022-02-10", -1000),
        ("sentinel-2-l2a", "2023-02-10", 0),  # Earth Search has taken the offset off already
        ("sentinel-2-l2a", "2023-05-10", 0),
        ("sentinel-2-l2a-computer", "2021-03-01", 0),
        ("sentinel-2-l2a-computer", "2023-03-01", -1000),
    ],
)
def test_every_band_is_the_right_one_and_in_reflectance(  # noqa: PLR0917
    extend: Extend, foreign: Any, tmp_path: Path, collection: str, day: str, offset: int
) -> None:
    result = extend(collection)
    assert result.exit_code == 0, result.output
    n = revisits(result)[day]["n"]
    folder = tmp_path / "out/lr_dataset/New POI-1/L2A"
    with rasterio.open(folder / f"New POI-1-{n}-L2A_data.tiff") as src:
        assert src.dtypes == ("float32",) * 12
        reflectance = src.read()
        for band, plane in zip(BANDS, reflectance, strict=True):
            numbers = digital(foreign, band, src).astype(np.int32)
            expected = np.ma.where(numbers == 0, 0, np.maximum(numbers + offset, 1 if offset else 0) / 10_000)
            assert abs(plane - expected).max() < 1e-6, band
        scl, mask = (rasterio.open(folder / f"New POI-1-{n}-{kind}.tiff").read(1) for kind in ("SCL", "dataMask"))
        assert np.ma.allequal(scl, digital(foreign, "SCL", src))
        assert np.array_equal(mask, np.min(reflectance, axis=0) > 0)
        assert 0 < mask.mean() < 1


def test_the_grid_is_the_published_one(extend: Extend, tmp_path: Path) -> None:
    report = json.loads(extend("sentinel-2-l2a").stdout)
    bounds = tuple(report["aois"][0]["bounds"])
    with rasterio.open(tmp_path / "out/lr_dataset/New POI-1/L2A/New POI-1-1-L2A_data.tiff") as src:
        assert src.crs == "EPSG:4326"
        assert (src.width, src.height) == tuple(report["aois"][0]["size"])
        assert src.transform == pytest.approx(from_bounds(*bounds, src.width, src.height), abs=1e-12)


def test_images_that_do_not_cover_the_place_and_older_processings_of_a_day_are_left_out(extend: Extend) -> None:
    result = extend("sentinel-2-l2a")
    found = revisits(result)
    assert set(found) == {"2020-01-03", "2022-02-10", "2023-02-10", "2023-05-10"}
    assert found["2022-02-10"]["item"].endswith("/sentinel-2-l2a_2022-02-10")
    assert found["2020-01-03"]["product_id"].startswith("S2A_MSIL2A_20200103T100000")


@pytest.mark.parametrize(
    ("options", "days"),
    [
        (("--max-cloud", "20"), {"2020-01-03", "2022-02-10"}),
        (("--since", "2023-01-01"), {"2023-02-10", "2023-05-10"}),
        (("--until", "2022-02-10"), {"2020-01-03", "2022-02-10"}),
        (("--revisits", "1"), {"2022-02-10"}),
        (("--revisits", "1", "--weights", "0,1"), {"2020-01-03"}),
        (("--max-days", "30"), {"2022-02-10"}),
    ],
)
def test_days_clouds_and_numbers_asked_for_limit_what_is_taken(
    extend: Extend, options: tuple[str, ...], days: set[str]
) -> None:
    assert set(revisits(extend("sentinel-2-l2a", "--dry-run", *options))) == days


def test_a_dry_run_writes_nothing(extend: Extend, tmp_path: Path) -> None:
    result = extend("sentinel-2-l2a", "--dry-run")
    assert result.exit_code == 0
    assert len(revisits(result)) == 4
    assert not (tmp_path / "out").exists()


def test_another_choice_takes_the_place_of_the_first_one(extend: Extend, tmp_path: Path) -> None:
    extend("sentinel-2-l2a")
    extend("sentinel-2-l2a", "--revisits", "1")
    folder = tmp_path / "out/lr_dataset/New POI-1"
    assert sorted(path.name for path in folder.iterdir()) == ["L2A"]
    assert len(list(folder.glob("L2A/*.metadata"))) == 1
    rows = (tmp_path / "out/metadata.csv").read_text().splitlines()
    assert len(rows) == 2


def test_what_is_written_is_ingested_without_loss(
    extend: Extend, database: DatabaseSettings, file_store: StoreSettings
) -> None:
    result = extend("sentinel-2-l2a-computer", env={**database_env(database), **store_env(file_store)})
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)["ingest"]
    assert report["items"]["worldstrat-sentinel-2-l2a"] == 2
    assert not [note for note in report["notes"] if "float32" in note["reason"] or "no date" in note["reason"]]


@pytest.mark.parametrize(
    ("collection", "reason"),
    [
        ("broken", "absent.tif cannot be read"),
        ("lacking", "item lacking_2023-03-01 has no band B09 (nir09) of L2A_data; its rasters are b01, b02"),
        ("nobody-says", "nor its processing baseline"),
    ],
)
def test_what_cannot_be_read_is_a_failure_of_its_place_that_names_it(
    extend: Extend, tmp_path: Path, collection: str, reason: str
) -> None:
    result = extend(collection)
    assert result.exit_code == 1
    (failure,) = json.loads(result.stdout)["failures"]
    assert failure["aoi"] == "New POI-1"
    assert reason in failure["reason"]
    assert "secret" not in result.output
    assert list((tmp_path / "out/lr_dataset/New POI-1").iterdir()) == []


def test_a_place_without_images_fails_and_names_where_was_searched(extend: Extend, foreign: Any) -> None:
    result = extend("sentinel-2-l2a", "--since", "2024-01-01", "--until", "2024-02-01")
    assert result.exit_code == 1
    (failure,) = json.loads(result.stdout)["failures"]
    where = f"sentinel-2-l2a of {foreign.url}"
    assert failure["reason"] == f"no image in {where} covers it between 2024-01-01 and 2024-02-01"


def test_json_that_is_no_stac_is_refused(extend: Extend, foreign: Any) -> None:
    result = extend("sentinel-2-l2a", "--stac", f"{foreign.url}/collections")
    assert result.exit_code == 1
    assert f"{foreign.url}/collections is no STAC API that answers" in result.output


def test_an_unknown_collection_is_refused_with_those_there_are(extend: Extend) -> None:
    result = extend("sentinel-9")
    assert result.exit_code == 1
    assert "has no collection 'sentinel-9'; it has broken, lacking, nobody-says, sentinel-2-l2a" in result.output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--stac", "http://127.0.0.1:9"), "http://127.0.0.1:9 is no STAC API that answers"),
        (("--stac", "file:///etc/passwd"), "give the https:// address of a STAC API"),
        (("--modifier", "no_such_package:sign"), "--modifier 'no_such_package:sign' cannot be imported"),
        (("--modifier", "json"), "--modifier 'json' cannot be imported"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_done(
    extend: Extend, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    result = extend("sentinel-2-l2a", *options)
    assert result.exit_code == 1
    assert reason in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("weights", ["1", "1,2,3", "-1,1", "0,0", "a,b", "nan,1", "inf,1"])
def test_weights_are_two_numbers_of_which_one_counts(extend: Extend, weights: str) -> None:
    result = extend("sentinel-2-l2a", "--weights", weights)
    assert result.exit_code == 2
    assert "is not two weights like 1,1" in result.output


def test_a_modifier_signs_items_before_their_files_are_read(
    extend: Extend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signing_house.py").write_text(
        "def sign(item):\n"
        "    red = item['assets']['red']\n"
        "    red['href'] = red['href'].replace('absent.tif?sig=secret', 'B04.tif?sig=fresh')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    result = extend("broken", "--modifier", "signing_house:sign")
    # Its other bands say what their numbers mean as Earth Search does.
    assert result.exit_code == 0, result.output


def test_a_modifier_that_fails_fails_its_place_and_is_named(
    extend: Extend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_house.py").write_text("def sign(item):\n    raise RuntimeError('no token today')\n")
    monkeypatch.syspath_prepend(tmp_path)
    result = extend("sentinel-2-l2a", "--modifier", "failing_house:sign")
    assert result.exit_code == 1
    (failure,) = json.loads(result.stdout)["failures"]
    assert failure["reason"].startswith("--modifier failed for http://127.0.0.1:")
    assert "no token today" in failure["reason"]


def test_a_period_that_ends_before_it_begins_is_refused(extend: Extend) -> None:
    result = extend("sentinel-2-l2a", "--since", "2024-01-02", "--until", "2024-01-01")
    assert result.exit_code == 2
    assert "--since 2024-01-02 is after --until 2024-01-01" in result.output


def test_a_folder_of_another_making_is_not_touched(extend: Extend, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/metadata.csv").write_text("tile,n\nLandcover-8379,1\n")
    result = extend("sentinel-2-l2a")
    assert result.exit_code == 1
    assert "was not made by `worldstrat extend`; name another folder by --out" in result.output
    assert (tmp_path / "out/metadata.csv").read_text() == "tile,n\nLandcover-8379,1\n"


@pytest.mark.parametrize("name", ["lr_dataset", "hr_dataset"])
def test_published_images_without_their_tables_are_not_touched(extend: Extend, tmp_path: Path, name: str) -> None:
    published = tmp_path / "out" / name / "New POI-1" / "L2A" / "New POI-1-1-L2A_data.tiff"
    published.parent.mkdir(parents=True)
    published.write_bytes(b"years of work")
    result = extend("sentinel-2-l2a")
    assert result.exit_code == 1
    assert "images of another making; name another folder by --out" in result.output
    assert published.read_bytes() == b"years of work"


def test_a_login_of_the_catalog_is_told_nowhere(extend: Extend, foreign: Any) -> None:
    address = foreign.url.replace("://", "://me:secret@")
    result = extend("sentinel-2-l2a", "--stac", address, "--max-days", "0")
    assert f"of {foreign.url} is within --max-cloud and --max-days" in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize(
    "asset",
    [
        {"href": 5, "type": "image/tiff"},
        {"href": "a.tif", "type": ["image/tiff"]},
        {"href": "a.tif", "gsd": "ten"},
        {"href": "a.tif", "raster:bands": ["uint16"]},
        {"href": "a.tif", "bands": 12},
        {"href": "http://[a.tif"},
    ],
)
def test_an_asset_that_is_none_of_stac_fails_its_place_alone(asset: dict[str, Any]) -> None:
    item = {"id": "odd", "properties": {}, "assets": {"red": asset}}
    with pytest.raises(RevisitError, match="item odd does not describe its assets as STAC does"):
        ItemLayers(item, "https://example.org/items/odd")
