"""Our own server as the source: what was ingested from files comes back by way of the web, pixel by pixel."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psycopg
import pytest
import rasterio
from click.testing import CliRunner, Result

from catalog.constants import COLLECTION_L2A
from catalog.settings import DatabaseSettings, StoreSettings
from infra.cli import main
from infra.databases import database_env
from infra.stores import store_env

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Reproduced:
    """A catalog made of another one through its API."""

    database: DatabaseSettings
    out: Path
    source: dict[str, Item]
    report: dict[str, Any]
    again: Result


def _items(database: DatabaseSettings) -> dict[str, Item]:
    """Return the L2A items of a database by id, as pgSTAC itself hydrates them."""
    search = json.dumps({"collections": [COLLECTION_L2A], "limit": 1000})
    with psycopg.connect(database.dsn, options="-c search_path=pgstac,public") as connection:
        row = connection.execute("select pgstac.search(%s::text::jsonb)", (search,)).fetchone()
    return {item["id"]: item for item in (row or [{}])[0]["features"]}


def _write_aois(path: Path, items: Mapping[str, Item]) -> None:
    """Write the places of items as a person would list them."""
    places = {item["properties"]["worldstrat:aoi"]: item for item in items.values()}
    features = []
    for name, item in places.items():
        properties = item["properties"]
        features.append(
            {
                "type": "Feature",
                "geometry": item["geometry"],
                "properties": {
                    "name": name,
                    "highres_date": properties["worldstrat:spot_date"],
                    "lccs": properties.get("worldstrat:lccs"),
                    "smod": properties.get("worldstrat:smod"),
                    "split": properties.get("worldstrat:split"),
                },
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


@pytest.fixture(scope="module")
def reproduced(
    ingested: Any, live_server: str, module_database: DatabaseSettings, tmp_path_factory: pytest.TempPathFactory
) -> Reproduced:
    folder = tmp_path_factory.mktemp("extend")
    source = _items(ingested.database)
    _write_aois(folder / "aois.geojson", source)
    store = StoreSettings(url=(folder / "objects").as_uri())
    (folder / "objects").mkdir()
    environment = {**database_env(module_database), **store_env(store)}
    command = ["extend", str(folder / "aois.geojson"), "--stac", f"{live_server}/stac", "--collection"]
    command += [COLLECTION_L2A, "--out", str(folder / "out"), "--json"]
    first, again = (CliRunner().invoke(main, command, env=environment) for _ in range(2))
    assert first.exit_code == 0, first.output
    return Reproduced(module_database, folder / "out", source, json.loads(first.stdout), again)


def _places(items: Mapping[str, Item]) -> dict[tuple[str, str], Item]:
    """Return items by AOI and day."""
    return {
        (item["properties"]["worldstrat:aoi"], item["properties"]["datetime"][:10]): item for item in items.values()
    }


def test_every_revisit_comes_back_with_its_day_its_clouds_and_its_id(reproduced: Reproduced) -> None:
    made = _items(reproduced.database)
    assert set(made) == set(reproduced.source)
    ours, theirs = _places(made), _places(reproduced.source)
    assert set(ours) == set(theirs)
    for place, item in ours.items():
        expected = theirs[place]["properties"]
        for name in (
            "eo:cloud_cover",
            "worldstrat:delta",
            "worldstrat:spot_date",
            "worldstrat:source",
            "worldstrat:lccs",
        ):
            assert item["properties"].get(name) == expected.get(name), (place, name)
        assert item["properties"].get("worldstrat:ipcc") == expected.get("worldstrat:ipcc")
        assert item["bbox"] == pytest.approx(theirs[place]["bbox"], abs=1e-12)


def test_ranks_are_those_of_the_authors_formula(reproduced: Reproduced) -> None:
    frame = pd.DataFrame(
        {
            "aoi": item["properties"]["worldstrat:aoi"],
            "n": item["properties"]["worldstrat:revisit"],
            "delta": item["properties"]["worldstrat:delta"],
            "cloud": item["properties"]["eo:cloud_cover"],
        }
        for item in _items(reproduced.database).values()
    )
    for _, revisits in frame.groupby("aoi"):
        rank = revisits["delta"].abs().rank() + revisits["cloud"].rank()
        assert rank[revisits.sort_values("n").index].is_monotonic_increasing
        assert sorted(revisits["n"]) == list(range(1, len(revisits) + 1))


def test_pixels_masks_and_grids_are_equal(reproduced: Reproduced) -> None:
    theirs = _places(reproduced.source)
    compared = 0
    for place, item in _places(_items(reproduced.database)).items():
        assert set(item["assets"]) == set(theirs[place]["assets"])
        for key, asset in item["assets"].items():
            expected_asset = theirs[place]["assets"][key]
            with rasterio.open(asset["href"]) as made, rasterio.open(expected_asset["href"]) as expected:
                assert made.crs == expected.crs
                assert made.shape == expected.shape
                assert np.allclose(made.transform, expected.transform, rtol=0, atol=1e-12)
                assert made.dtypes == expected.dtypes
                assert np.array_equal(made.read(), expected.read(), equal_nan=True), (place, key)
            compared += 1
    assert compared > 30


def test_items_name_the_items_they_were_cut_from(reproduced: Reproduced) -> None:
    theirs = _places(reproduced.source)
    for place, item in _places(_items(reproduced.database)).items():
        (link,) = [link for link in item["links"] if link["rel"] == "derived_from"]
        assert httpx.get(link["href"]).json()["id"] == theirs[place]["id"] == link["title"]


def test_the_same_command_again_reads_nothing_and_changes_nothing(reproduced: Reproduced) -> None:
    report = json.loads(reproduced.again.stdout)
    assert reproduced.again.exit_code == 0
    assert all(aoi["unchanged"] for aoi in report["aois"])
    assert report["ingest"]["skipped"] == len(report["aois"])


def test_the_report_says_what_was_chosen_of_what(reproduced: Reproduced) -> None:
    for aoi in reproduced.report["aois"]:
        assert aoi["candidates"] == len(aoi["revisits"]) == 2
        for revisit in aoi["revisits"]:
            days = date.fromisoformat(revisit["date"]) - date.fromisoformat(aoi["target_date"])
            assert revisit["delta"] == days.days
