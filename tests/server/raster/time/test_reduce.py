import numpy as np
import pytest

from server.raster.time.reduce import Method, reduce_dates


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("method", ["median", "mean", "min", "max"])
def test_dates_become_what_numpy_makes_of_a_masked_array(method: Method, dtype: str) -> None:
    random = np.random.default_rng(7)
    values = random.integers(0, 65535, (9, 30, 40)).astype(dtype)
    hidden = random.random(values.shape) < 0.5
    wanted = getattr(np.ma, method)(np.ma.MaskedArray(values.astype("float64"), mask=hidden), axis=0)
    seen = ~hidden.all(axis=0)
    assert not seen.all()
    found = reduce_dates(values, hidden, method)
    assert found.dtype == values.dtype
    np.testing.assert_allclose(found[seen], wanted[seen], atol=0.5 if dtype == "uint16" else 0, rtol=1e-6)


def test_the_best_date_is_the_first_that_shows_a_pixel() -> None:
    values = np.array([[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]], np.uint16)
    hidden = np.array([[[False, True, True]], [[False, False, True]], [[False, False, False]]])
    np.testing.assert_array_equal(reduce_dates(values, hidden, "best"), [[1, 5, 9]])
