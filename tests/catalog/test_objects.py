"""One face for files and for S3."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.errors import ObjectNotFoundError, ObjectStoreError
from catalog.objects import ObjectMeta, ObjectStore, multihash
from catalog.settings import StoreSettings


@pytest.fixture(params=["file_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return ObjectStore.open(request.getfixturevalue(request.param))


def test_what_was_put_comes_back_whole_and_by_range(store: ObjectStore) -> None:
    meta = store.put("a/b c.tif", b"0123456789", "image/tiff")
    assert meta.size == 10
    assert store.head("a/b c.tif") == meta
    assert store.get("a/b c.tif") == b"0123456789"
    assert store.get_range("a/b c.tif", 3, 4) == b"3456"


def test_a_second_put_replaces_the_first(store: ObjectStore) -> None:
    first = store.put("a.txt", b"one", "text/plain")
    second = store.put("a.txt", b"other", "text/plain")
    assert store.get("a.txt") == b"other"
    assert first.etag != second.etag


def test_a_list_is_of_one_folder_and_below(store: ObjectStore) -> None:
    for key in ("x/1", "x/y/2", "xz/3"):
        store.put(key, b".", "text/plain")
    assert sorted(meta.key for meta in store.list("x")) == ["x/1", "x/y/2"]
    assert len(store.list()) == 3


def test_an_absent_object_is_named(store: ObjectStore) -> None:
    for read in (store.head, store.get):
        with pytest.raises(ObjectNotFoundError, match="'no/such'"):
            read("no/such")


def test_deleting_twice_is_no_error(store: ObjectStore) -> None:
    store.put("a", b".", "text/plain")
    store.delete("a")
    store.delete("a")
    assert store.list() == []


def test_an_object_larger_than_a_chunk_is_measured_as_it_is(store: ObjectStore) -> None:
    data = bytes(range(256)) * 12_000
    store.put("a.bin", data, "application/octet-stream")
    assert store.measure("a.bin") == (len(data), multihash(data))
    with pytest.raises(ObjectNotFoundError, match="'no/such'"):
        store.measure("no/such")


def test_many_are_deleted_at_once_also_where_some_are_gone(store: ObjectStore) -> None:
    keys = [f"x/{number}" for number in range(20)]
    for key in [*keys, "kept"]:
        store.put(key, b".", "text/plain")
    store.delete(keys[7])
    store.delete_all(keys)
    assert [meta.key for page in store.pages() for meta in page] == ["kept"]


def test_what_is_listed_tells_when_it_was_written(store: ObjectStore) -> None:
    store.put("a", b".", "text/plain")
    (meta,) = store.list()
    assert meta.modified is not None
    assert abs((datetime.now(UTC) - meta.modified).total_seconds()) < 60


def test_an_href_and_its_key_are_each_others_inverse(store: ObjectStore) -> None:
    assert store.key(store.href("a/b.tif")) == "a/b.tif"
    assert store.href("a").startswith(store.url)


def test_an_href_outside_the_store_has_no_key(store: ObjectStore) -> None:
    assert store.key("https://elsewhere.example/a.tif") is None
    assert store.key(store.url + "-evil/a.tif") is None


def test_a_store_that_is_not_there_says_so() -> None:
    gone = StoreSettings(
        url="s3://bucket", endpoint_url="http://127.0.0.1:9", access_key_id="key", secret_access_key="secret"
    )
    with pytest.raises(ObjectStoreError, match="Is the object store up"):
        ObjectStore.open(gone).get("a")


def test_a_foreign_s3_server_without_keys_is_refused_at_once() -> None:
    with pytest.raises(ObjectStoreError, match="set AWS_ACCESS_KEY_ID"):
        ObjectStore.open(StoreSettings(url="s3://bucket", endpoint_url="http://127.0.0.1:9"))


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    store = ObjectStore.open(StoreSettings(url=tmp_path.as_uri()))
    (tmp_path / "a").write_text("a file where a folder is needed")
    with pytest.raises(ObjectStoreError, match="Cannot write 'a/b'"):
        store.put("a/b", b".", "text/plain")


def test_an_s3_prefix_keeps_stores_in_one_bucket_apart(s3_store: StoreSettings) -> None:
    one = ObjectStore.open(s3_store.model_copy(update={"url": f"{s3_store.url}/one"}))
    whole = ObjectStore.open(s3_store)
    one.put("a", b".", "text/plain")
    assert [meta.key for meta in whole.list()] == ["one/a"]
    assert one.list() == [ObjectMeta("a", 1, whole.head("one/a").etag)]


def test_a_multihash_is_sha2_256_with_its_prefix() -> None:
    assert multihash(b"worldstrat") == "1220" + hashlib.sha256(b"worldstrat").hexdigest()
