"""Settings of the server."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from catalog.errors import SettingsError
from catalog.settings import DatabaseSettings, StoreSettings
from server.settings import ServerSettings, load_settings

DATABASE = DatabaseSettings(host="127.0.0.1")
STORE = StoreSettings(url="file:///objects")


def test_the_environment_names_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDSTRAT_STORE", "file:///elsewhere")  # the store's own variable, no JSON of this field
    monkeypatch.setenv("WORLDSTRAT_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2")
    monkeypatch.setenv("WORLDSTRAT_MAX_LIMIT", "50")

    settings = ServerSettings(database=DATABASE, store=STORE)

    assert settings.store.url == "file:///objects"
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")
    assert settings.max_limit == 50


@pytest.mark.parametrize(("given", "kept"), [("", ""), ("/", ""), ("api/v1/", "/api/v1"), ("/api/v1", "/api/v1")])
def test_a_root_path_is_written_in_one_way(given: str, kept: str) -> None:
    assert ServerSettings(database=DATABASE, store=STORE, root_path=given).root_path == kept


def test_a_root_path_that_looks_like_an_own_path_is_refused() -> None:
    with pytest.raises(ValidationError, match="one of the server's own paths"):
        ServerSettings(database=DATABASE, store=STORE, root_path="/stac")


def test_a_stack_that_was_never_started_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="worldstrat up"):
        load_settings(tmp_path)
