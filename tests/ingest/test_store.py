from pathlib import Path

import pytest

from catalog.errors import ObjectStoreError
from catalog.objects import ObjectStore, multihash
from catalog.settings import StoreSettings
from ingest.store import Uploader, check_writable

SMALL, LARGE = b"chip" * 1000, bytes(range(256)) * 40_000


@pytest.fixture(params=["file_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Both kinds of stores."""
    settings: StoreSettings = request.getfixturevalue(request.param)
    return ObjectStore.open(settings)


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_an_object_is_there_and_whole_after_a_verified_put(store: ObjectStore, data: bytes) -> None:
    store.put_verified("a/b_data.tif", data, "image/tiff")
    assert store.get("a/b_data.tif") == data


def test_a_small_object_costs_an_s3_server_one_request(
    s3_store: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore.open(s3_store)
    monkeypatch.setattr(ObjectStore, "get", None)
    store.put_verified("a/b_data.tif", SMALL, "image/tiff")


def test_an_uploader_waits_for_all_its_objects(store: ObjectStore) -> None:
    with Uploader(store) as uploader:
        stored = [
            uploader.put(("c/a", f"{n}.tif"), SMALL + bytes([n]), "image/tiff", ("x.tiff", b"published"))
            for n in range(20)
        ]
    assert [store.get(str(store.key(one.href))) for one in stored] == [SMALL + bytes([n]) for n in range(20)]
    assert stored[3].checksum == multihash(SMALL + b"\3")
    assert stored[3].href == store.href(f"c/a/{stored[3].checksum[4:16]}/3.tif")
    assert stored[3].source_checksum == multihash(b"published")
    assert uploader.size == 20 * (len(SMALL) + 1)


def test_other_bytes_never_take_the_place_of_those_that_an_item_names(store: ObjectStore) -> None:
    with Uploader(store) as uploader:
        first, again, second = (
            uploader.put(("c/a", "x.tif"), data, "image/tiff", ("x.tiff", b"published"))
            for data in (SMALL, SMALL, SMALL[::-1])
        )
    assert first == again
    assert {store.get(str(store.key(one.href))) for one in (first, second)} == {SMALL, SMALL[::-1]}


def test_a_writable_store_is_left_as_it_was(store: ObjectStore) -> None:
    check_writable(store)
    assert store.list() == []


def test_bytes_that_changed_on_the_way_are_noticed(file_store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    put = ObjectStore.put
    monkeypatch.setattr(ObjectStore, "put", lambda self, key, data, kind: put(self, key, data[:-1], kind))
    with (
        pytest.raises(ObjectStoreError, match="does not hold the 4000 bytes"),
        Uploader(ObjectStore.open(file_store)) as uploader,
    ):
        uploader.put(("c/a", "a.tif"), SMALL, "image/tiff", ("x.tiff", b""))


def test_a_store_that_cannot_be_written_is_known_before_the_work_begins(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    store = ObjectStore.open(StoreSettings(url=(tmp_path / "objects").as_uri()))
    (tmp_path / "objects").rmdir()
    (tmp_path / "objects").write_text("a file in the way")
    with pytest.raises(ObjectStoreError, match="Cannot write"):
        check_writable(store)


def test_an_absent_s3_server_is_one_error(s3_store: StoreSettings) -> None:
    absent = s3_store.model_copy(update={"url": "s3://no-such-bucket"})
    with pytest.raises(ObjectStoreError, match="no-such-bucket"):
        check_writable(ObjectStore.open(absent))
