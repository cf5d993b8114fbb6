"""Spectral indices by name, beside what spyndex computes of the published pixels."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import spyndex

from catalog.bands import SENTINEL2_BANDS, SPOT_BANDS
from catalog.constants import COLLECTION_L2A, COLLECTION_SPOT
from server.raster.errors import InvalidRequestError
from server.raster.expression import parse_expression
from server.raster.indices import find_index, find_indices, spectral_indices

PUBLISHED_ORDER = [band.name for band in SENTINEL2_BANDS if band.name != "B10"]
PLATFORM = {"A": "B01", "B": "B02", "G": "B03", "R": "B04", "RE1": "B05", "RE2": "B06", "RE3": "B07"}
PLATFORM |= {"N": "B08", "N2": "B8A", "WV": "B09", "S1": "B11", "S2": "B12"}
KERNEL_BANDS = ("N", "R", "B", "G", "L")


def by_spyndex(name: str, bands: dict[str, np.ndarray]) -> np.ndarray:
    """What spyndex computes, its constants at their defaults."""
    constants = {key: spyndex.constants[key].default for key in spyndex.constants}
    nanometres = {band.common_name: (band.center_wavelength or 0) * 1000 for band in SENTINEL2_BANDS}
    waves = {"lambdaG": "green", "lambdaR": "red", "lambdaN": "nir", "lambdaN2": "nir08", "lambdaS1": "swir16"}
    values = constants | {key: nanometres[band] for key, band in waves.items()} | bands
    kernels = {
        f"k{a}{b}": spyndex.computeKernel("RBF", a=values[a], b=values[b], sigma=values["sigma"])
        for a in KERNEL_BANDS
        for b in KERNEL_BANDS
    }
    with np.errstate(all="ignore"):
        return np.asarray(spyndex.computeIndex(name, params=values | kernels))


def test_every_index_gives_what_spyndex_gives() -> None:
    bands = {name: np.random.default_rng(number).uniform(0.01, 0.6, (4, 4)) for number, name in enumerate(PLATFORM)}
    ours = {band.common_name: bands[name] for name, band in zip(PLATFORM, _common(), strict=True)}
    for name, index in spectral_indices().items():
        if "lambdaS2" in index.formula:
            continue
        expression = parse_expression(index.expressions[COLLECTION_L2A])
        expected = np.broadcast_to(by_spyndex(name, bands), (4, 4))
        np.testing.assert_allclose(expression.evaluate(ours)[0], expected, rtol=2e-3, atol=1e-4, err_msg=name)


def _common() -> list[Any]:
    named = {band.name: band for band in SENTINEL2_BANDS}
    return [named[name] for name in PLATFORM.values()]


def test_the_well_known_indices_are_there_with_their_references_and_ranges() -> None:
    assert {"NDVI", "NDWI", "MNDWI", "NBR", "EVI", "SAVI", "NDSI", "NDBI", "NDMI", "kNDVI"} <= set(spectral_indices())
    for index in spectral_indices().values():
        assert index.reference.startswith("http")
        assert index.rescale[0] < index.rescale[1]
        assert index.long_name
        assert index.bands


def test_an_index_is_offered_where_all_its_bands_are() -> None:
    spot = {band.common_name for band in SPOT_BANDS}
    for index in spectral_indices().values():
        assert COLLECTION_L2A in index.expressions
        assert (COLLECTION_SPOT in index.expressions) == (set(index.bands) <= spot)


def test_names_are_found_in_any_case_and_exact_ones_first() -> None:
    assert find_index("ndvi").name == "NDVI"
    assert all(find_index(name).name == name for name in spectral_indices())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["NDVO"], "no index 'NDVO'"),
        (["NBR"], "no swir22"),
        (["NDVI"] * 5, "1 to 4 indices"),
        (["__import__('os')"], "There is no index"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(names: list[str], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        find_indices(names, COLLECTION_SPOT)


def test_a_server_starts_without_spyndex() -> None:
    # It takes half a second to import.
    script = "import sys, server.app; assert 'spyndex' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", ["NDVI", "NBR", "EVI", "kNDVI"])
def test_an_item_gives_the_index_of_its_published_pixels(http: Any, sentinel2: Any, name: str) -> None:
    pixels = sentinel2.pixels()
    height, width = pixels.shape[1:]
    bands = {key: pixels[PUBLISHED_ORDER.index(band)] for key, band in PLATFORM.items()}
    array = sentinel2.numbers(http, "preview.npy", index=name, width=width, height=height)
    expected = np.ma.masked_invalid(by_spyndex(name, bands))
    np.testing.assert_allclose(array[0].compressed(), expected[~array.mask[0]], rtol=1e-3, atol=1e-4)
    assert not array.mask.all()


def test_an_index_is_accepted_wherever_an_expression_is(http: Any, published: Any) -> None:
    west, south, east, north = published.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    box = f"{lon - 0.002},{lat - 0.002},{lon + 0.002},{lat + 0.002}"
    ring = [[lon, lat], [lon + 0.002, lat], [lon + 0.002, lat + 0.002], [lon, lat]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    tile = published.middle()
    pairs = [{"index": "NDVI"}, {"expression": "(nir-red)/(nir+red)"}]
    for path in (f"tiles/WebMercatorQuad/{tile}.npy", "preview.npy", f"bbox/{box}.npy"):
        index, expression = (http.get(f"{published.url}/{path}", params=query) for query in pairs)
        assert index.status_code == 200, index.text
        assert index.content == expression.content
    index, expression = (http.post(f"{published.url}/feature.npy", params=query, json=feature) for query in pairs)
    assert index.content == expression.content
    point = http.get(f"{published.url}/point/{lon},{lat}", params=pairs[0]).json()
    assert point["band_names"] == ["NDVI"]
    statistics = http.get(f"{published.url}/statistics", params={"index": "NDVI,NDWI"}).json()
    assert list(statistics) == ["NDVI", "NDWI"]
    mosaic = http.get(f"/raster/collections/{published.collection}/tiles/WebMercatorQuad/{tile}.npy", params=pairs[0])
    assert mosaic.status_code == 200, mosaic.text


def test_a_picture_of_an_index_has_its_colours_and_its_range(http: Any, sentinel2: Any) -> None:
    given = {"expression": "(nir-swir22)/(nir+swir22)", "rescale": "-0.35,0.83", "colormap_name": "rdylgn"}
    expected = sentinel2.picture(http, "preview.png", **given)
    np.testing.assert_array_equal(sentinel2.picture(http, "preview.png", index="NBR"), expected)


def test_spot_says_which_bands_an_index_lacks(http: Any, spot: Any) -> None:
    answer = http.get(f"{spot.url}/preview.png", params={"index": "NBR"})
    assert answer.status_code == 400
    assert "no swir22" in answer.text


def test_an_index_beside_bands_is_refused(http: Any, spot: Any) -> None:
    assert http.get(f"{spot.url}/preview.png", params={"index": "NDVI", "bands": "red"}).status_code == 400


def test_the_list_of_indices_is_filtered_described_and_kept(http: Any) -> None:
    everything = http.get("/raster/indices").json()
    assert everything["matched"] == len(everything["indices"]) == len(spectral_indices())
    answer = http.get("/raster/indices", params={"collection": COLLECTION_SPOT, "domain": "water"})
    listed = {index["name"]: index for index in answer.json()["indices"]}
    assert listed["NDWI"]["collections"][COLLECTION_SPOT] == {"expression": "(green - nir) / (green + nir)"}
    assert "MNDWI" not in listed
    again = http.get(str(answer.url), headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get("/raster/indices/ndvi").json()["long_name"] == "Normalized Difference Vegetation Index"
    assert http.get("/raster/indices/nothing").status_code == 400


def test_the_renders_of_a_collection_are_listed_and_their_tiles_are_there(http: Any, spot: Any) -> None:
    renders = http.get(f"/raster/collections/{spot.collection}/renders").json()["renders"]
    assert {"true-color", "ndvi", "pan"} <= set(renders)
    z, x, y = spot.middle().split("/")
    for render in renders.values():
        answer = http.get(render["tiles"].format(z=z, x=x, y=y))
        assert answer.status_code == 200, answer.text
    assert http.get("/raster/collections/nothing/renders").status_code == 404
