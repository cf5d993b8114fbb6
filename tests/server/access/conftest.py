"""Servers with private collections, an issuer of tokens, and callers of all kinds."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest

from catalog.constants import COLLECTION_SPOT
from server.access import tables
from tests.server.access.issuer import Issuer, decided

SECRET = "a secret of the tests, of more than 32 characters"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="session")
def make_key(catalog: Any) -> Iterator[Callable[..., str]]:
    """Add keys to the catalog's database, and take them away at the end."""
    with psycopg.connect(catalog.database.dsn, autocommit=True) as connection:
        made: list[str] = []

        def make(*scopes: str, expires: datetime | None = None) -> str:
            made.append(f"test {len(made)}")
            return tables.add_key(connection, made[-1], frozenset(scopes), expires)

        yield make
        for name in made:
            tables.remove_key(connection, name)


@pytest.fixture(scope="module")
def served(catalog: Any, serve_longer: Any) -> httpx.Client:
    """A client of a server that keeps SPOT to those with the scope `read`."""
    with decided(private_collections=COLLECTION_SPOT, access_register="open"):
        return serve_longer(catalog.settings(signing_secret=SECRET))


@pytest.fixture(scope="module")
def public(catalog: Any, serve_longer: Any) -> httpx.Client:
    """A client of a server of the same catalog on which everything is public."""
    with decided(access_register="open"):
        return serve_longer(catalog.settings())


@pytest.fixture(scope="session")
def reader(make_key: Callable[..., str]) -> dict[str, str]:
    """Headers of one who may see what is private."""
    return {"Authorization": f"Bearer {make_key('read')}"}


@pytest.fixture(scope="session")
def writer(make_key: Callable[..., str]) -> dict[str, str]:
    """Headers of one who may write, and sees nothing private."""
    return {"X-API-Key": make_key("write")}
