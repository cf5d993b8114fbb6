"""docs/search.md, word for word: every address and body in it is asked."""

import json
import re
from pathlib import Path

import httpx
import pytest

from server.stac.buckets import AGGREGATIONS
from server.stac.draw import Balance
from server.stac.sampling import MAX_ITEMS

PAGE = (Path(__file__).parents[3] / "docs/search.md").read_text("utf-8")
ADDRESSES = re.findall(r"^/stac\S.*$", PAGE, re.MULTILINE)
BODIES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_answers_with_something(http: httpx.Client, address: str) -> None:
    answer = http.get(address.replace("+properties", "%2Bproperties"))

    found = answer.raise_for_status().json()
    if "sample" in found and "max_delta" not in address:
        assert found["features"]
    elif "aggregations" in found:
        assert found["aggregations"]
    else:
        assert "features" in found


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("endpoint", ["search", "aggregate", "sample"])
def test_every_body_answers(http: httpx.Client, endpoint: str, body: str) -> None:
    conditions = json.loads(body)
    if endpoint != "sample":
        conditions = {name: conditions[name] for name in ("intersects", "filter")}

    assert http.post(f"/stac/{endpoint}", json=conditions).raise_for_status().json()["links"]


def test_the_page_names_all_that_there_is() -> None:
    assert len(ADDRESSES) >= 10
    for name in (*AGGREGATIONS, *Balance.__args__):
        assert f"`{name}`" in PAGE, name
    assert f"{MAX_ITEMS:,}" in PAGE
