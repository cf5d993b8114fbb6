"""Land use of the published AOIs, beside our tables."""

import csv
from pathlib import Path

from catalog.landuse import IPCC_CLASSES, LCCS_CLASSES, LCCS_TO_IPCC


def test_the_ipcc_class_of_every_published_aoi_follows_from_its_land_cover(shared: Path) -> None:
    with (shared / "sample/sources/aois.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3928
    parents = [row for row in rows if row["source"] in {"Landcover", "UNHCR"}]
    for row in parents:
        assert LCCS_TO_IPCC.get(int(row["LCCS"])) == (row["IPCC"] if row["IPCC"] in IPCC_CLASSES else None), row["tile"]


def test_every_land_cover_but_snow_has_an_ipcc_class() -> None:
    assert LCCS_CLASSES.keys() - LCCS_TO_IPCC.keys() == {220}
    assert set(LCCS_TO_IPCC.values()) == set(IPCC_CLASSES)
