"""How often the store is asked."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from catalog.objects import ObjectStore
from server.app import create_app


@pytest.mark.parametrize("suffix", ["png", "npy"])
def test_a_cold_tile_asks_the_store_once_and_a_warm_one_never(
    catalog: Any, published: Any, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    asked: list[str] = []
    get = ObjectStore.get

    def counting(store: ObjectStore, key: str) -> bytes:
        asked.append(key)
        return get(store, key)

    monkeypatch.setattr(ObjectStore, "get", counting)
    with TestClient(create_app(catalog.settings())) as http:
        for number, (z, x, y) in enumerate(published.tiles()[:4]):
            answer = http.get(f"{published.url}/tiles/WebMercatorQuad/{z}/{x}/{y}.{suffix}?bands=red,green,blue")
            assert answer.status_code == 200
            assert len(asked) == 1, f"tile {number}"
