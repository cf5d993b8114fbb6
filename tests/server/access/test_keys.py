"""API keys: made by a command, kept as a hash, good until they expire or are taken away."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from catalog.constants import COLLECTION_SPOT
from infra.cli import main
from server.access import key_ring
from server.access.keys import ShownKey, new_key

SPOT = f"/stac/collections/{COLLECTION_SPOT}"


@pytest.fixture
def run(catalog: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `worldstrat keys`."""
    settings = catalog.database
    for name, value in {
        "PGHOST": settings.host,
        "PGPORT": str(settings.port),
        "PGUSER": settings.user,
        "PGPASSWORD": settings.password.get_secret_value(),
        "PGDATABASE": settings.database,
    }.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, ["keys", *arguments])
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    return invoke


def test_a_key_works_until_it_is_taken_away(
    run: Any, served: httpx.Client, catalog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "KEY_SECONDS", 0.0)
    monkeypatch.setattr(key_ring, "ABSENT_SECONDS", 0.0)
    key = run("add", "a laptop").strip()
    try:
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}, {"authorization": f"bearer {key}"}):
            assert served.get(SPOT, headers=headers).status_code == 200
        assert served.get(SPOT, params={"api_key": key, "token": key, "key": key}).status_code == 404
        with psycopg.connect(catalog.database.dsn) as connection:
            rows = connection.execute("SELECT * FROM worldstrat.api_keys").fetchall()
        secret = key.split("_", 2)[2]
        assert not any(secret in str(row) or secret.encode() in row for row in rows)
        assert "already" in run("add", "a laptop", code=1)
        [told] = [each for each in json.loads(run("list", "--json")) if each["name"] == "a laptop"]
        assert (told["scopes"], told["expires"]) == (["read"], None)
        assert secret not in run("list")
        assert "a laptop" in run("list")
    finally:
        run("remove", "a laptop")
    assert served.get(SPOT, headers={"X-API-Key": key}).status_code == 401
    assert "There is no key 'a laptop'" in run("remove", "a laptop", code=1)


def test_what_is_no_name_or_no_scope_makes_no_key(run: Any) -> None:
    assert "is no name" in run("add", "a\nb", code=1)
    assert "is no scope" in run("add", "x", "--scope", "a b", code=2)


def test_wrong_and_expired_keys_are_told_everywhere(served: httpx.Client, make_key: Any) -> None:
    good = make_key("read")
    other = f"{good[:-1]}{'A' if good[-1] != 'A' else 'B'}"
    expired = make_key("read", expires=datetime.now(UTC) - timedelta(seconds=1))
    unknown, _ = new_key()
    for key, told in (
        (other, "knows no such"),
        (unknown, "knows no such"),
        (expired, "has expired"),
        ("nonsense", "knows no such"),
        ("wsk_zz", "knows no such"),
    ):
        for path in (SPOT, "/stac/search?limit=1", "/assets/worldstrat-spot/a/b.tif"):
            answer = served.get(path, headers={"X-API-Key": key})
            assert answer.status_code == 401
            assert told in answer.json()["description"]
            assert key not in answer.text


def test_a_key_with_another_scope_sees_nothing_and_one_of_a_proxy_is_not_ours(
    served: httpx.Client, writer: dict[str, str]
) -> None:
    for headers in (writer, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        assert served.get(SPOT, headers=headers).status_code == 404


def test_what_is_kept_of_a_key_is_a_hash_of_its_own() -> None:
    (one, kept), (two, other) = new_key(), new_key()
    assert one != two
    assert ShownKey.parse(one) == kept != other
    assert kept.hash.hex() not in one
    assert len(kept.hash) == 32
