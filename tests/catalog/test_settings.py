"""The environment wins as a whole, else the local stack speaks."""

from pathlib import Path

import psycopg.conninfo
import pytest

from catalog.errors import SettingsError
from catalog.settings import DatabaseSettings, StoreSettings, load_database, load_store

STACK = "PGHOST=127.0.0.1\nPGPORT=5999\nPGPASSWORD=local\nWORLDSTRAT_STORE=file:///data/objects\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "stack.env").write_text(STACK)
    return tmp_path


def test_a_local_stack_is_found_by_its_folder(data: Path) -> None:
    database = load_database(data)
    assert (database.host, database.port, database.password.get_secret_value()) == ("127.0.0.1", 5999, "local")
    assert load_store(data).url == "file:///data/objects"


def test_the_environment_wins_as_a_whole(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example")
    database = load_database(data)
    assert (database.host, database.port, database.password.get_secret_value()) == ("db.example", 5432, "")
    monkeypatch.setenv("WORLDSTRAT_STORE", "s3://bucket/prefix")
    assert load_store(data) == StoreSettings(url="s3://bucket/prefix")


def test_single_variables_meant_for_other_services_do_not_leak_into_the_local_stack(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGUSER": "somebody",
        "PGPORT": "1",
        "PGPASSWORD": "other",
        "AWS_ACCESS_KEY_ID": "key-of-another-cloud",
        "AWS_ENDPOINT_URL": "https://elsewhere.example",
    }.items():
        monkeypatch.setenv(name, value)
    database, store = load_database(data), load_store(data)
    assert (database.user, database.port, database.password.get_secret_value()) == ("worldstrat", 5999, "local")
    assert (store.access_key_id, store.endpoint_url) == (None, None)


def test_nothing_named_anywhere_says_what_to_do(tmp_path: Path) -> None:
    for load in (load_database, load_store):
        with pytest.raises(SettingsError, match="worldstrat up --data"):
            load(tmp_path)


def test_a_secret_never_shows_in_a_repr() -> None:
    settings = DatabaseSettings(host="h", password="very-secret")
    assert "very-secret" not in repr(settings)
    store = StoreSettings(url="s3://bucket", secret_access_key="very-secret")
    assert "very-secret" not in repr(store)


def test_the_dsn_survives_odd_characters() -> None:
    settings = DatabaseSettings(host="/run/a b", user="a@b", password="p:/?#", database="d b")
    assert psycopg.conninfo.conninfo_to_dict(settings.dsn) == {
        "host": "/run/a b",
        "port": "5432",
        "user": "a@b",
        "password": "p:/?#",
        "dbname": "d b",
    }


def test_a_wrong_variable_is_named_and_no_value_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDSTRAT_STORE", "s3://minio:very-secret@bucket/prefix")
    with pytest.raises(SettingsError, match=r"variable of the environment .* WORLDSTRAT_STORE: ") as refused:
        load_store(data)
    assert "very-secret" not in str(refused.value)
    (data / "stack.env").write_text("PGPASSWORD=very-secret\nPGPORT=many\n")
    with pytest.raises(SettingsError, match=r"variable of .*stack\.env .* PGHOST: .*PGPORT: ") as refused:
        load_database(data)
    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["/data", "http://x/y", "file://relative", "s3://", "s3://key:secret@bucket"])
def test_a_store_is_a_folder_or_a_bucket(url: str) -> None:
    with pytest.raises(ValueError, match=r"url|WORLDSTRAT_STORE"):
        StoreSettings(url=url)
