"""What tests of compose, chart and module compare with: the environment variables that the software reads."""

import importlib
from collections.abc import Iterator

import pytest
from pydantic_settings import BaseSettings

ROOMS = ("catalog.", "ingest.", "superres.", "server.", "client.", "infra.")
FOREIGN = {"PGSSLMODE", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"}
"""What libraries read by themselves: libpq and asyncpg; Ray."""
BY_COMMANDS = {"WORLDSTRAT_DATA", "WORLDSTRAT_ROOT_PATH"} | {
    f"WORLDSTRAT_SOURCE_{name}" for name in ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION")
}
"""What commands read beside the classes of settings."""


def _kinds(kind: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith(ROOMS):
            yield one
        yield from _kinds(one)


@pytest.fixture(scope="session")
def known_variables() -> set[str]:
    """Every variable that means something."""
    importlib.import_module("server.app")
    importlib.import_module("server.cli")
    of_settings = {
        told.alias or f"{kind.model_config.get('env_prefix', '')}{field}".upper()
        for kind in _kinds(BaseSettings)
        for field, told in kind.model_fields.items()
    }
    assert {"PGHOST", "WORLDSTRAT_STORE", "WORLDSTRAT_SR_KEEP", "WORLDSTRAT_RASTER_TILE_BYTES"} <= of_settings
    return of_settings | FOREIGN | BY_COMMANDS
