"""Objects of a real S3 server as a source."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.errors import ObjectStoreError
from catalog.metadata import METADATA_CSV, SPLIT_CSV
from catalog.objects import ObjectStore
from catalog.settings import StoreSettings
from ingest.blobs import BucketBlob
from ingest.errors import SourceError, UnreadError
from ingest.remote import ObjectOrigin
from ingest.sources import open_source
from tests.ingest.archives import content, published, write_zip

NAME = "Landcover-8379"
_VARIABLES = ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION")


@pytest.fixture(params=["AWS_", "WORLDSTRAT_SOURCE_"])
def bucket(request: pytest.FixtureRequest, s3_store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket, and what it takes to reach it in the environment."""
    secret = s3_store.secret_access_key
    values = (s3_store.endpoint_url, s3_store.access_key_id, secret and secret.get_secret_value(), s3_store.region)
    for name, value in zip(_VARIABLES, values, strict=True):
        monkeypatch.setenv(request.param + name, str(value))
        if request.param != "AWS_":
            monkeypatch.setenv(f"AWS_{name}", "http://127.0.0.1:9/")
    return s3_store.url


@pytest.fixture
def uploaded(bucket: str, s3_store: StoreSettings, tiny_dataset: Path) -> str:
    """The address of a small dataset below a prefix."""
    store = ObjectStore.open(s3_store)
    for path in published(tiny_dataset):
        store.put(f"some/where/{path.relative_to(tiny_dataset).as_posix()}", path.read_bytes(), "application/x")
    store.put("some/where/hr_dataset/.DS_Store", b"junk", "application/x")
    store.put("some/where-else/hr_dataset/B-1/B-1_ps.tiff", b"another prefix", "application/x")
    return f"{bucket}/some/where"


@pytest.mark.parametrize("slash", ["", "/"])
def test_objects_in_the_published_layout_are_that_dataset(uploaded: str, tiny_dataset: Path, slash: str) -> None:
    assert content(open_source(uploaded + slash)) == content(open_source(tiny_dataset))


def test_an_object_that_changed_has_another_version(uploaded: str, s3_store: StoreSettings, tiny_dataset: Path) -> None:
    before = {file.name: file.version for file in open_source(uploaded).files(NAME).files}
    changed = f"hr_dataset/{NAME}/{NAME}_ps.tiff"
    data = bytearray((tiny_dataset / changed).read_bytes())
    data[-1] ^= 1
    ObjectStore.open(s3_store).put(f"some/where/{changed}", bytes(data), "application/x")
    after = {file.name: file.version for file in open_source(uploaded).files(NAME).files}
    assert {name for name, version in after.items() if version != before[name]} == {changed}


def test_a_zip_in_a_bucket_is_read_by_ranges(
    bucket: str, s3_store: StoreSettings, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "hr_dataset.zip", tiny_dataset, "hr_dataset")
    noise = tiny_dataset / "lr_dataset/other/noise.bin"
    noise.parent.mkdir()
    noise.write_bytes(bytes(8_000_000))
    lr = write_zip(tmp_path / "lr_dataset_l2a.zip", tiny_dataset, "lr_dataset")
    store = ObjectStore.open(s3_store)
    for path in (archive, lr, tiny_dataset / METADATA_CSV):
        store.put(path.name, path.read_bytes(), "application/x")
    read: list[int] = []
    ranged = ObjectStore.get_range
    monkeypatch.setattr(
        ObjectStore,
        "get_range",
        lambda self, key, start, length: read.append(length) or ranged(self, key, start, length),
    )
    noise.unlink()
    noise.parent.rmdir()
    given = [f"{bucket}/{name}" for name in (archive.name, lr.name, METADATA_CSV)]
    source = open_source([*given, str(tiny_dataset / SPLIT_CSV)])
    assert content(source)[NAME] == content(open_source(tiny_dataset))[NAME]
    assert sum(read) < 8_000_000


def test_an_object_that_went_away_costs_itself_only(uploaded: str, s3_store: StoreSettings) -> None:
    source = open_source(uploaded)
    gone = f"hr_dataset/{NAME}/{NAME}_ps.tiff"
    ObjectStore.open(s3_store).delete(f"some/where/{gone}")
    for file in source.files(NAME).files:
        if file.name == gone:
            with pytest.raises(UnreadError, match="cannot be read: No object"):
                file.read()
        else:
            assert file.read()


def test_a_bucket_that_refuses_is_no_fault_of_its_files(uploaded: str, s3_store: StoreSettings) -> None:
    file = open_source(uploaded).files(NAME).files[0]
    shut = s3_store.model_copy(update={"secret_access_key": SecretStr("another")})
    assert isinstance(file.origin, ObjectOrigin)
    with pytest.raises(ObjectStoreError):
        replace(file, origin=ObjectOrigin(BucketBlob(shut, file.origin.blob.key))).read()


def test_a_prefix_without_a_dataset_is_refused_by_name(bucket: str) -> None:
    with pytest.raises(SourceError, match=rf"{bucket}/nothing holds no objects in the published layout"):
        open_source(f"{bucket}/nothing")


def test_a_bucket_that_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(ObjectStoreError, match="s3://no-such-bucket"):
        open_source(f"{bucket.rpartition('/')[0]}/no-such-bucket/x")
