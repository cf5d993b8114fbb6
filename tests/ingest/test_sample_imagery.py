"""The sample's pixels: that they are one ground seen by two sensors, under a sky that the masks know."""

import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from ingest.sample.canvas import Canvas
from ingest.sample.cover import Cover, compute_greenness, compute_spectra
from ingest.sample.noise import blur, create_generator, deal, make_cells, make_fractal
from ingest.sample.parcels import Frame, cut_parcels
from ingest.sample.place import Place, select_places
from ingest.sample.raster import average
from ingest.sample.relief import cast_shadow, shade_relief
from ingest.sample.revisits import Revisit
from ingest.sample.sentinel2 import Ground, write_revisit
from ingest.sample.sun import Sun, compute_sun


def read(path: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            return source.read()


def place_named(name: str) -> Place:
    return next(place for place in select_places(8) if place.name == name)


def observe(tmp_path: Path, place: Place, *, n: int = 4, cloud_share: float = 0.4) -> dict[str, np.ndarray]:
    """One written revisit of a place covered with forest, by kind."""
    rows, columns = place.lr_size
    ground = Ground((Cover.FOREST,), np.ones((1, rows, columns), np.float32))
    revisit = Revisit(n, date(2019, 12, 3), -5, 8.0, 44.0, cloud_share)
    files = list(write_revisit(tmp_path, place, revisit, ground, levels=("L2A", "L1C"), seed=5))
    return {
        f"{path.parent.name}/{path.stem.rsplit('-', 1)[-1]}": read(path) for path in files if path.suffix == ".tiff"
    }


def correlate(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("name", ["Amnesty POI-5-2-2", "ASMSpotter-1-1-1", "Landcover-8379", "UNHCR-NERs009627"])
def test_spot_averaged_to_ten_metres_is_the_clear_revisit_and_nowhere_better_than_unshifted(
    dataset: Path, name: str
) -> None:
    ps = read(dataset / "hr_dataset" / name / f"{name}_ps.tiff") / np.float32(10000)
    lr = read(dataset / "lr_dataset" / name / "L2A" / f"{name}-1-L2A_data.tiff")[[3, 2, 1, 7]]
    coarse = average(ps, lr.shape[1:], psf=0.4)
    inner = slice(2, -2)
    for band in range(4):
        assert correlate(coarse[band][inner, inner], lr[band][inner, inner]) > 0.98
    still = correlate(coarse[0][inner, inner], lr[0][inner, inner])
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        assert correlate(np.roll(coarse[0], shift, (0, 1))[inner, inner], lr[0][inner, inner]) < still


def test_the_six_metre_and_the_panchromatic_image_show_the_same_ground(dataset: Path) -> None:
    folder = dataset / "hr_dataset" / "Landcover-8379"
    ps = read(folder / "Landcover-8379_ps.tiff").astype(np.float32)
    rgbn, pan = read(folder / "Landcover-8379_rgbn.tiff"), read(folder / "Landcover-8379_pan.tiff")
    assert correlate(average(ps, (263, 263), psf=0.3), rgbn) > 0.995
    assert correlate(ps[:3].mean(axis=0), pan[0]) > 0.97


def test_reflectance_is_an_exact_multiple_of_a_ten_thousandth(dataset: Path) -> None:
    for path in (dataset / "lr_dataset").rglob("*-1-*_data.tiff"):
        data = read(path)
        counts = np.rint(data.astype(np.float64) * 10000).astype(np.uint16)
        assert np.array_equal((counts / 10000).astype(np.float32), data)
        assert data.min() > 0
        assert data.max() < 1.5


def test_spectra_look_like_what_they_are_of() -> None:
    covers = (Cover.FOREST, Cover.WATER, Cover.SAND, Cover.LATERITE, Cover.TENT)
    forest, water, sand, laterite, tent = compute_spectra(covers, date(2020, 6, 1), green_peak=200, dry_green=0.5)
    ndvi = [(s[7] - s[3]) / (s[7] + s[3]) for s in (forest, water, sand, laterite)]
    assert ndvi[0] > 0.8
    assert ndvi[1] < 0 < ndvi[3] < 0.3
    assert forest[6] > 3 * forest[4] > 6 * forest[3]  # the red edge
    assert forest[2] > max(forest[1], forest[3])  # green
    assert water[7:].max() < 0.02
    assert np.all(np.diff(sand[:8]) > 0)
    assert tent[1] > 2 * sand[1]


def test_vegetation_follows_the_year_of_its_place() -> None:
    def green(cover: Cover, month: int) -> float:
        return compute_greenness(cover, date(2020, month, 15), green_peak=200, dry_green=0.2)

    assert green(Cover.GRASS, 7) > 0.95
    assert 0.2 <= green(Cover.GRASS, 1) < 0.3
    assert green(Cover.CROP_MAIN, 7) > 0.9
    assert green(Cover.CROP_MAIN, 1) < 0.1
    assert green(Cover.CROP_TWICE, 12) > 0.7 > green(Cover.CROP_TWICE, 9)


def test_masks_know_where_the_clouds_are(tmp_path: Path) -> None:
    seen = observe(tmp_path, place_named("Landcover-8379"))
    blue, clm, clp = seen["L2A/L2A_data"][1], seen["L2A/CLM"][0], seen["L2A/CLP"][0]
    cloudy, clear = clm == 1, clp < 10
    assert set(np.unique(clm)) == {0, 1}
    assert 0.25 < cloudy.mean() < 0.55
    assert np.array_equal(cloudy, clp >= 102)
    assert np.quantile(blue[clear], 0.9) < 0.06  # the last pixels have a thin veil
    assert np.median(blue[cloudy]) > 0.25
    scl = seen["L2A/SCL"][0]
    assert np.isin(scl[cloudy], (8, 9)).mean() > 0.8
    assert np.isin(scl[clear], (2, 3, 4)).mean() > 0.95
    assert np.all(seen["L2A/dataMask"] == 1)


def test_shadows_are_dark_and_lie_on_the_side_away_from_the_sun(tmp_path: Path) -> None:
    seen = observe(tmp_path, place_named("Landcover-8379"), cloud_share=0.15)
    scl, nir = seen["L2A/SCL"][0], seen["L2A/L2A_data"][7]
    assert np.median(nir[scl == 3]) < 0.65 * np.median(nir[scl == 4])
    sun = compute_sun(date(2019, 12, 3), 23.1)
    assert 135 < sun.azimuth < 165
    assert all(step < 0 for step in sun.step())  # up and to the left: north-west


def test_both_levels_have_the_same_masks_and_top_of_atmosphere_is_hazy_in_the_blue(tmp_path: Path) -> None:
    seen = observe(tmp_path, place_named("Landcover-8379"), cloud_share=0)
    for kind in ("CLM", "CLP", "dataMask"):
        assert np.array_equal(seen[f"L2A/{kind}"], seen[f"L1C/{kind}"])
    surface, top = seen["L2A/L2A_data"], seen["L1C/L1C_data"]
    assert len(surface) == 12
    assert len(top) == 13
    assert np.median(top[1]) > 3 * np.median(surface[1])
    assert np.median(top[10]) < 0.01  # B10 sees no ground
    assert np.median(top[9]) < 0.5 * np.median(surface[9])  # B09 is half water vapour
    assert np.median(top[7]) == pytest.approx(np.median(surface[7]), rel=0.1)


def test_a_swath_that_ends_inside_the_aoi_leaves_no_data_in_every_raster(tmp_path: Path) -> None:
    seen = observe(tmp_path, place_named("Landcover-778743"), n=13)
    outside = seen["L2A/dataMask"][0] == 0
    assert 0.1 < outside.mean() < 0.7
    for level in ("L2A", "L1C"):
        data = seen[f"{level}/{level}_data"]
        assert np.all(data[:, outside] == 0)
        assert np.all(data[:, ~outside] > 0)
        assert np.all(seen[f"{level}/CLM"][0][outside] == 255)
        assert np.all(seen[f"{level}/CLP"][0][outside] == 255)
    assert np.all((seen["L2A/SCL"][0] == 0) == outside)


def test_coarse_bands_repeat_their_native_pixels(tmp_path: Path) -> None:
    data = observe(tmp_path, place_named("Landcover-8379"))["L2A/L2A_data"]
    even = data[:, : data.shape[1] // 2 * 2, : data.shape[2] // 2 * 2]
    pairs = [np.array_equal(band[::2, ::2], band[1::2, 1::2]) for band in even]
    assert pairs == [True, False, False, False, True, True, True, False, True, True, True, True]


def test_angle_rasters_are_degrees_of_the_sun_and_of_the_view(tmp_path: Path) -> None:
    place = place_named("Amnesty POI-5-2-2")
    seen, sun = observe(tmp_path, place), compute_sun(date(2019, 12, 3), place.lat)
    assert seen["L2A/sunAzimuthAngles"].mean() == pytest.approx(sun.azimuth, abs=0.1)
    assert seen["L2A/sunZenithAngles"].mean() == pytest.approx(sun.zenith, abs=0.1)
    assert 0 < seen["L2A/viewZenithMean"].min() <= seen["L2A/viewZenithMean"].max() < 13
    assert 90 < seen["L2A/viewAzimuthMean"].min() <= seen["L2A/viewAzimuthMean"].max() < 300
    assert "L2A/SCL" not in seen


@pytest.mark.parametrize(("latitude", "month", "quadrant"), [(50, 12, "south"), (-35, 6, "north"), (0, 3, "east")])
def test_the_morning_sun_stands_where_the_season_puts_it(latitude: float, month: int, quadrant: str) -> None:
    sun = compute_sun(date(2020, month, 21), latitude)
    low, high = {"south": (135, 180), "north": (0, 60), "east": (75, 100)}[quadrant]
    assert low < sun.azimuth < high
    assert 15 < sun.zenith < 80


def test_a_canvas_always_adds_up_to_one_ground() -> None:
    canvas = Canvas(40, create_generator(1), Sun(140, 30))
    canvas.fill(Cover.SAND)
    canvas.paint(Cover.GRASS, np.full(canvas.shape, 0.25, np.float32))
    canvas.darken(np.full(canvas.shape, 0.5, np.float32))
    assert np.allclose(canvas.stack().sum(axis=0), 1)
    assert canvas.covers == (Cover.GRASS, Cover.SAND, Cover.SHADE)
    assert np.allclose(canvas[Cover.SAND], 0.375)


def test_averaging_keeps_the_mean_and_a_constant() -> None:
    rng = create_generator(3)
    fine = rng.random((2, 1054, 1054), dtype=np.float32)
    coarse = average(fine, (157, 160), psf=0.4)
    assert coarse.shape == (2, 157, 160)
    assert coarse.mean() == pytest.approx(fine.mean(), abs=1e-3)
    assert np.allclose(average(np.ones((1, 50, 60), np.float32), (7, 9), psf=0.4), 1, atol=1e-6)


def test_parcels_divide_the_whole_scene_and_know_their_sides() -> None:
    frame = Frame.turned(200, 20)
    parcels = cut_parcels(create_generator(2), frame, area=400, shortest=6)
    assert len(np.unique(parcels.ident)) > 50
    assert parcels.edge.min() > -1.5  # the atlas that names a pixel's parcel is whole pixels
    assert np.allclose(parcels.width[parcels.ident == parcels.ident[100, 100]].std(), 0, atol=1e-3)
    lanes = parcels.measure_lanes([3.0])
    assert (lanes < 0).mean() < (parcels.measure_lanes([3.0] * 6) < 0).mean()


def test_noise_is_standard_and_belongs_to_its_key() -> None:
    field = make_fractal(create_generator(1, "a"), (300, 200), scale=50)
    assert field.mean() == pytest.approx(0, abs=1e-3)
    assert field.std() == pytest.approx(1, abs=1e-3)
    assert np.array_equal(field, make_fractal(create_generator(1, "a"), (300, 200), scale=50))
    assert not np.array_equal(field, make_fractal(create_generator(1, "b"), (300, 200), scale=50))
    assert blur(field, 2.0).std() < 0.99


def test_cells_are_owned_by_their_nearest_centre_and_dealt_in_the_shares_asked_for() -> None:
    owner, distance = make_cells(create_generator(4), (400, 400), pitch=8)
    assert distance.max() < 1.5
    dealt = list(deal(owner, 7, [0.5, 0.3]))
    assert not np.any(dealt[0] & dealt[1])
    assert [mine.mean() for mine in dealt] == pytest.approx([0.5, 0.3], abs=0.05)


def test_light_is_one_on_flat_ground_more_towards_the_sun_and_shadows_fall_away_from_it() -> None:
    sun = Sun(azimuth=90, zenith=45)
    eastward = np.tile(np.arange(20, dtype=np.float32), (20, 1))
    assert np.allclose(shade_relief(np.zeros((20, 20), np.float32), sun), 1)
    assert shade_relief(-0.3 * eastward, sun).mean() > 1 > shade_relief(0.3 * eastward, sun).mean()
    post = np.zeros((21, 21), np.float32)
    post[10, 10] = 1
    rows, columns = np.nonzero(cast_shadow(post, sun, 4.5))
    assert set(rows) == {10}
    assert list(columns) == [7, 8, 9]


def test_variations_of_a_place_are_other_ground(tmp_path: Path) -> None:
    place = place_named("Landcover-8379")
    other = observe(tmp_path / "other", replace(place, name="Landcover-1"))
    assert not np.array_equal(observe(tmp_path / "own", place)["L2A/CLP"], other["L2A/CLP"])
