"""Keys of objects: written one way, read in two."""

import pytest

from catalog.constants import COLLECTION_MODELS, COLLECTION_SPOT
from catalog.keys import ObjectKey, object_key
from catalog.objects import multihash


def test_a_key_holds_the_hash_of_its_object_and_comes_apart_again() -> None:
    key = object_key(f"{COLLECTION_SPOT}/Landcover-1", multihash(b"chip"), "Landcover-1_SPOT_ps.tif")
    assert key == f"{COLLECTION_SPOT}/Landcover-1/{multihash(b'chip')[4:16]}/Landcover-1_SPOT_ps.tif"
    parsed = ObjectKey.parse(key)
    assert parsed == ObjectKey(COLLECTION_SPOT, "Landcover-1", multihash(b"chip")[4:16], "Landcover-1_SPOT_ps.tif")
    assert object_key(f"{COLLECTION_SPOT}/Landcover-1", multihash(b"crop"), "Landcover-1_SPOT_ps.tif") != key


@pytest.mark.parametrize("key", [f"{COLLECTION_SPOT}/a/b.png", f"{COLLECTION_MODELS}/m/0123456789abcdef-model.onnx"])
def test_keys_of_older_catalogs_are_read(key: str) -> None:
    parsed = ObjectKey.parse(key)
    assert parsed is not None
    assert parsed.hash is None


@pytest.mark.parametrize("key", ["a/b/c.tif", f"{COLLECTION_MODELS}/m/x.tif", f"{COLLECTION_SPOT}/a/zz/b.tif", ""])
def test_what_the_catalog_could_not_have_written_is_no_key(key: str) -> None:
    assert ObjectKey.parse(key) is None
