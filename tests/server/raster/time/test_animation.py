import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image


def frames(content: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(content)) as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            found.append(np.asarray(image.convert("RGB")).astype(int))
        return found


@pytest.mark.parametrize("query", [{}, {"render": "ndvi"}, {"bands": "scl", "colormap_name": "scl"}])
def test_a_frame_is_what_the_item_itself_looks_like(http: httpx.Client, place: Any, query: dict[str, str]) -> None:
    shown = place.dates(http)
    for output, most in (("gif", 6), ("webp", 0)):
        moving = frames(place.get(http, f"/animation.{output}", **query).content)
        assert len(moving) == len(shown)
        for frame, date in zip(moving, shown, strict=True):
            url = f"{place.url.split('/aois')[0]}/items/{date['item']}/preview.png"
            still = np.asarray(Image.open(io.BytesIO(http.get(url, params=query).content)).convert("RGB")).astype(int)
            assert frame.shape == still.shape
            # A GIF has 256 colours.
            assert np.abs(frame - still).mean() <= most


def test_frames_follow_each_other_as_fast_as_asked_and_may_tell_their_dates(http: httpx.Client, place: Any) -> None:
    plain = place.get(http, "/animation.gif", fps=4)
    with Image.open(io.BytesIO(plain.content)) as image:
        assert image.info["duration"] == 250
        assert image.info["loop"] == 0
    dated = frames(place.get(http, "/animation.gif", fps=4, dates=True).content)
    for bare, written in zip(frames(plain.content), dated, strict=True):
        assert (bare[-25:, :70] != written[-25:, :70]).any()


def test_clouds_are_seen_through(http: httpx.Client, place: Any) -> None:
    answer = place.get(http, "/animation.webp", mask="clouds")
    hidden = [place.hidden(revisit) for revisit in place.order(http)]
    with Image.open(io.BytesIO(answer.content)) as image:
        for index, clouds in enumerate(hidden):
            image.seek(index)
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
            np.testing.assert_array_equal(alpha == 0, clouds)
