"""Places as xarray, against the published files and rasterio."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from client.errors import QueryError
from client.xarray_opener import open_place


@pytest.fixture(scope="module")
def url(live_server: str) -> str:
    return f"{live_server}/stac"


def test_a_place_opens_on_its_own_grid_with_the_published_numbers(url: str, dataset: Path) -> None:
    name = min(folder.name for folder in (dataset / "lr_dataset").iterdir())
    opened = open_place(name, url=url, bands=("B04", "B08"), masks=("clm",))
    assert opened.sizes["time"] == 2
    assert opened.attrs["aoi"] == name
    assert list(opened.time.values) == sorted(opened.time.values)
    for step in range(2):
        at = opened.isel(time=step)
        folder, rank = dataset / "lr_dataset" / name / "L2A", int(at.revisit)
        with rasterio.open(folder / f"{name}-{rank}-L2A_data.tiff") as src:
            published, bounds, shape = src.read([4, 8]), src.bounds, src.shape
        with rasterio.open(folder / f"{name}-{rank}-CLM.tiff") as src:
            np.testing.assert_array_equal(at.clm.values, src.read(1))
        for band, expected in zip(("B04", "B08"), published, strict=True):
            np.testing.assert_array_equal(at[band].values, np.where(expected == 0, np.nan, expected))
        assert (opened.sizes["latitude"], opened.sizes["longitude"]) == shape
        assert at.odc.geobox.boundingbox.bbox == pytest.approx(tuple(bounds))
        assert str(at.item.values).endswith(f"L2A_{rank:02d}")


def test_chunks_are_read_later(url: str, dataset: Path) -> None:
    name = min(folder.name for folder in (dataset / "lr_dataset").iterdir())
    now = open_place(name, url=url, bands=("B02",), frames=1)
    later = open_place(name, url=url, bands=("B02",), frames=1, chunks={})
    assert later.B02.chunks is not None
    np.testing.assert_array_equal(later.B02.compute().values, now.B02.values)
    assert int(now.revisit[0]) == 1


def test_what_is_not_there_is_named(url: str, dataset: Path) -> None:
    with pytest.raises(QueryError, match="no L2A image of a place 'Nowhere'"):
        open_place("Nowhere", url=url)
    name = min(folder.name for folder in (dataset / "lr_dataset").iterdir())
    with pytest.raises(QueryError, match=r"has no 'B10'; its bands are B01, B02"):
        open_place(name, url=url, bands=("B10",))
