"""Points drawn on a small planet whose shares are known, beside rasterio and the area of its parts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from click.testing import CliRunner, Result
from pyproj import Transformer

from catalog.landuse import LCCS_TO_IPCC
from catalog.metadata import METADATA_CSV, SPLIT_CSV, read_tables
from infra.cli import main
from infra.databases import database_env
from ingest.aois import globe as globe_module
from ingest.aois.draw import Points, draw, sample_land, strata_of, uniform_on_sphere
from ingest.aois.errors import SampleAoisError
from ingest.aois.existing import existing_bounds
from ingest.aois.globe import UNKNOWN, Globe
from ingest.extend.wanted import read_wanted

COUNT = 20_000


@pytest.fixture(scope="session")
def points(planet: Any) -> Points:
    return sample_land(Globe(planet.lccs), Globe(planet.smod), COUNT, seed=7)


def chi_square(observed: dict[str, int], shares: dict[str, float]) -> float:
    """Return the statistic; it has as many degrees of freedom as there are classes but one."""
    total = sum(observed.values())
    return sum((observed.get(name, 0) - total * share) ** 2 / (total * share) for name, share in shares.items())


def test_points_are_uniform_by_area_on_the_sphere() -> None:
    lon, lat = uniform_on_sphere(np.random.default_rng(3), 100_000)
    # Bands of equal area have equal steps of the sine of latitude; 99.9 % of such samples stay below 27.9 and 43.8.
    by_lat, _ = np.histogram(np.sin(np.radians(lat)), 10, (-1, 1))
    by_lon, _ = np.histogram(lon, 20, (-180, 180))
    assert chi_square(dict(enumerate(by_lat)), dict.fromkeys(range(10), 0.1)) < 27.9  # type: ignore[arg-type]
    assert chi_square(dict(enumerate(by_lon)), dict.fromkeys(range(20), 0.05)) < 43.8  # type: ignore[arg-type]


@pytest.mark.parametrize("tile", [64, 4096])
def test_classes_are_those_of_the_pixels_below_whatever_the_tiles(
    planet: Any, monkeypatch: pytest.MonkeyPatch, tile: int
) -> None:
    monkeypatch.setattr(globe_module, "TILE", tile)
    lon, lat = uniform_on_sphere(np.random.default_rng(5), 3_000)
    for path in (planet.lccs, planet.smod):
        codes = Globe(path).sample(lon, lat)
        with rasterio.open(path) as src:
            to_raster = Transformer.from_crs("EPSG:4326", src.crs.to_wkt(), always_xy=True)
            expected = [value[0] for value in src.sample(zip(*to_raster.transform(lon, lat), strict=True))]
        assert np.array_equal(codes, np.array(expected, np.int16))


def test_points_outside_of_a_raster_have_no_class(tmp_path: Path) -> None:
    path = tmp_path / "small.tif"
    profile = {"count": 1, "height": 4, "width": 4, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(
        path, "w", driver="GTiff", transform=rasterio.transform.from_origin(10, 14, 1, 1), **profile
    ) as dst:
        dst.write(np.arange(16, dtype=np.uint8).reshape(1, 4, 4))
    lon, lat = np.array([10.0, 13.999, 14.0, 9.999, 12.5, 12.5]), np.array([14.0, 10.001, 12.0, 12.0, 14.001, 12.5])
    assert Globe(path).sample(lon, lat).tolist() == [0, 15, UNKNOWN, UNKNOWN, UNKNOWN, 6]


def test_the_netcdf_of_copernicus_is_read_as_it_is(tmp_path: Path) -> None:
    lat, lon = np.arange(90, -90, -1.0) - 0.5, np.arange(-180, 180, 1.0) + 0.5
    codes = (np.arange(180 * 360).reshape(180, 360) % 200).astype(np.uint8)
    dimensions = ("time", "lat", "lon")
    variables = {"lccs_class": (dimensions, codes[np.newaxis]), "processed_flag": (dimensions, codes[np.newaxis] * 0)}
    degrees = {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})}
    xr.Dataset(variables, coords={**degrees, "time": [0]}).to_netcdf(tmp_path / "lccs.nc", engine="h5netcdf")
    lon, lat = uniform_on_sphere(np.random.default_rng(1), 500)
    expected = codes[np.floor(90 - lat).astype(int), np.floor(lon + 180).astype(int)]
    assert np.array_equal(Globe(tmp_path / "lccs.nc").sample(lon, lat), expected)


def test_oceans_are_left_out_and_lakes_and_islands_stay(points: Points) -> None:
    water = points.lccs == 210
    lon, lat = points.lon[water], points.lat[water]
    assert water.sum() > 5
    assert np.all((abs(lon - 20) < 1.25) & (abs(lat - 10) < 1.25))
    assert np.any(points.lon < -100)


def test_the_classes_of_a_sample_have_the_shares_of_their_areas(points: Points) -> None:
    def area(west: float, east: float, south: float, north: float) -> float:
        return float((east - west) * (np.sin(np.radians(north)) - np.sin(np.radians(south))))

    lake = area(18.8, 21.2, 8.8, 11.2)
    towns = area(0, 40, -2, 2)
    cropland = area(-20, 20, -50, 45) - area(0, 20, -2, 2) - lake / 2 + area(-155, -145, -5, 5)
    forest = area(20, 60, -50, 45) - area(20, 40, -2, 2) - lake / 2
    areas = {
        "Agriculture": cropland,
        "Forest": forest,
        "Settlement": towns,
        "Water": lake,
        "None": area(-20, 60, 45, 50),
    }
    shares = {name: size / sum(areas.values()) for name, size in areas.items()}
    names, counts = np.unique(strata_of(points), return_counts=True)
    observed = dict(zip(names.tolist(), counts.tolist(), strict=True))
    assert set(observed) == set(areas)
    assert chi_square(observed, shares) < 18.5  # 99.9 % of such samples stay below


def test_a_draw_gives_each_stratum_its_places_once(points: Points) -> None:
    drawn, strata = draw(points, 200, "cube-root", 7)
    assert len(drawn) == len(set(drawn)) == sum(one.target for one in strata) == 200
    assert {one.name for one in strata} == {"Agriculture", "Forest", "None", "Settlement_21", "Settlement_30", "Water"}
    names = strata_of(points)[drawn]
    for one in strata:
        if "_" not in one.name:
            assert (names == one.name).sum() == one.drawn == one.target
    towns = points.smod[drawn][names == "Settlement"]
    assert {f"Settlement_{code}": int((towns == code).sum()) for code in (21, 30)} == {
        one.name: one.drawn for one in strata if one.name.startswith("Settlement")
    }


def test_settlements_get_as_many_places_as_are_asked_for(points: Points) -> None:
    _, strata = draw(points, 200, "cube-root", 7, settlements=120)
    assert sum(one.drawn for one in strata if one.name.startswith("Settlement")) == 120
    assert sum(one.drawn for one in strata) == 200


def test_a_stratum_with_too_few_points_gives_all_it_has_and_says_so(points: Points) -> None:
    # The lake has some fifty points, all of which would be wanted many times.
    _, strata = draw(points, 15_000, "cube-root", 7)
    (water,) = [one for one in strata if one.name == "Water"]
    assert water.drawn <= water.points < water.target


@pytest.fixture
def run(planet: Any, tmp_path: Path) -> Any:
    def invoke(*options: str, env: dict[str, str] | None = None) -> Result:
        rasters = ["--lccs", str(planet.lccs), "--smod", str(planet.smod)]
        arguments = ["aois", "sample", *rasters, "--distribution", "4000", "--out", str(tmp_path / "aois.geojson")]
        return CliRunner().invoke(main, [*arguments, *options], env=env)

    return invoke


def test_the_file_is_what_extend_takes(run: Any, tmp_path: Path) -> None:
    result = run("--count", "50", "--seed", "3", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["aois"] == 50
    wanted, refused = read_wanted(tmp_path / "aois.geojson")
    assert refused == []
    assert len(wanted) == 50
    for one in wanted:
        assert one.aoi.area == 2.5
        assert one.aoi.source == "Landcover"
        assert one.aoi.ipcc == LCCS_TO_IPCC.get(one.aoi.lccs)
        assert one.aoi.smod in {10, 11, 21, 30}


def test_the_same_seed_draws_the_same_places_and_another_draws_others(run: Any, tmp_path: Path) -> None:
    texts = []
    for seed in ("3", "3", "4"):
        assert run("--count", "20", "--seed", seed).exit_code == 0
        texts.append((tmp_path / "aois.geojson").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_the_table_shows_each_stratum(run: Any) -> None:
    result = run("--count", "50", "--seed", "3")
    for expected in ("Agriculture", "Settlement_30", "50 AOIs in"):
        assert expected in result.stdout.replace("\n", "")


def test_existing_aois_are_not_drawn_over(points: Points) -> None:
    west = (-20.0, -50.0, 19.0, 50.0)
    drawn, _ = draw(points, 100, "cube-root", 7, existing=[west])
    lon = points.lon[drawn]
    assert not np.any((lon > -20) & (lon < 19))


def test_the_catalog_is_asked_for_its_aois(run: Any, ingested: Any) -> None:
    result = run("--count", "5", "--seed", "3", "--exclude-existing", env=database_env(ingested.database))
    assert result.exit_code == 0, result.output
    published = {
        aoi.bounds for aoi in read_tables(ingested.dataset / METADATA_CSV, ingested.dataset / SPLIT_CSV).aois.values()
    }
    assert set(existing_bounds(ingested.database)) == published


def test_rasters_that_are_none_are_named(run: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_text("no raster")
    result = run("--count", "5", "--seed", "3", "--smod", str(bad))
    assert result.exit_code == 1
    assert f"{bad} cannot be read as a raster" in result.output.replace("\n", "")


def test_smod_in_degrees_is_refused(planet: Any) -> None:
    with pytest.raises(SampleAoisError, match="is not in metres"):
        sample_land(Globe(planet.lccs), Globe(planet.lccs), 10, 0)


def test_more_settlements_than_places_are_refused(run: Any) -> None:
    result = run("--count", "5", "--seed", "3", "--settlements", "6")
    assert result.exit_code == 2
    assert "6 of 5 AOIs cannot be settlements" in result.output
