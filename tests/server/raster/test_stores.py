from typing import Any

import httpx
import pytest


def test_tiles_from_s3_are_those_from_files(s3_catalog: Any, serve: Any, http: httpx.Client) -> None:
    s3 = serve(s3_catalog.settings())
    for collection in ("worldstrat-spot", "worldstrat-sentinel-2-l2a"):
        item = s3.get(f"/stac/collections/{collection}/items").json()["features"][0]["id"]
        url = f"/raster/collections/{collection}/items/{item}/preview.png"
        from_s3 = s3.get(url)
        assert from_s3.status_code == 200
        assert from_s3.content == http.get(url).content


def test_credentials_in_the_environment_are_not_gdals(
    monkeypatch: pytest.MonkeyPatch, catalog: Any, serve: Any, spot: Any
) -> None:
    """With AWS_* set, rasterio builds a boto3 session for each request: a third of a tile's time."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sessions: list[Any] = []
    monkeypatch.setattr("rasterio.session.AWSSession.__init__", lambda *_, **__: sessions.append(1))
    assert serve(catalog.settings()).get(f"{spot.url}/preview.png").status_code == 200
    assert not sessions
