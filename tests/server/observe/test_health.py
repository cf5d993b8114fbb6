"""What a server says of itself, and what it keeps to itself."""

from typing import Any

import rasterio

from catalog.settings import StoreSettings


def test_it_tells_the_versions_that_a_bug_report_needs(observed: Any) -> None:
    observed.client.get("/readyz").raise_for_status()

    versions = observed.client.get("/healthz").json()["versions"]

    assert versions["gdal"] == rasterio.__gdal_version__
    assert versions["proj"] == rasterio.__proj_version__
    assert versions["pgstac"].startswith("0.")
    assert versions["model"].startswith("worldstrat-x4 ")
    assert {"worldstrat", "python", "titiler.core", "rio-tiler", "stac-fastapi.pgstac"} <= versions.keys()


def test_a_server_that_is_not_ready_tells_neither_paths_nor_addresses(serve: Any, catalog: Any, tmp_path: Any) -> None:
    folder = tmp_path / "objects"
    folder.mkdir()
    client = serve(catalog.settings().model_copy(update={"store": StoreSettings(url=folder.as_uri())}))
    folder.rmdir()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
    assert str(catalog.database.port) not in answer.text
