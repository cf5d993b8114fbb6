"""What the server is told: its database, its store, its place behind a proxy, its limits."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from catalog.settings import DatabaseSettings, StoreSettings, load_database, load_signing_secret, load_store

OWN_PATHS = frozenset(
    {"access", "stac", "raster", "assets", "app", "vendor", "docs", "openapi.json", "healthz", "readyz", "metrics"}
)
"""First segments of the server's own paths: a proxy prefix that starts with one could not be told from a request."""


def _words(value: Any) -> Any:
    """Split `a, b` as an environment variable writes it."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_words), NoDecode]
"""A tuple of words; in the environment they are separated by commas."""


class ServerSettings(BaseSettings):
    """Settings of one server; every field can be given as `WORLDSTRAT_<NAME>`, except the first two."""

    model_config = SettingsConfigDict(env_prefix="WORLDSTRAT_", frozen=True, extra="ignore")

    # NoDecode: WORLDSTRAT_STORE is the store's url, not this object as JSON.
    database: Annotated[DatabaseSettings, NoDecode]
    """The PostgreSQL database with pgSTAC."""
    store: Annotated[StoreSettings, NoDecode]
    """The object store that holds the assets."""

    root_path: str = ""
    """Prefix under which a proxy publishes the server, such as `/api/v1`."""
    trusted_proxies: Words = ("127.0.0.1", "::1")
    """Addresses whose `Forwarded` and `X-Forwarded-*` headers are believed; `*` for all."""
    cors_origins: Words = ("*",)
    """Web origins that may read the answers."""
    hosts: Words = ("*",)
    """Host names by which the server may be asked, by probes too; `*.example.org` for a domain; others get a 400."""
    hsts_seconds: int = Field(default=31_536_000, ge=0)
    """Seconds for which browsers that came by TLS come by it only (Strict-Transport-Security); 0 says nothing."""
    static: Path = Path(__file__).parent / "static"
    """Folder of the built web page."""

    pool_size: int = Field(default=10, ge=1, le=200)
    """Connections of each of the two database pools."""
    pool_timeout: float = Field(default=5.0, gt=0)
    """Seconds that a request waits for a database connection before it is told to come back."""
    statement_timeout: float = Field(default=30.0, gt=0)
    """Seconds after which PostgreSQL gives up a statement."""
    store_timeout: float = Field(default=5.0, gt=0, le=600)
    """Seconds that a request waits for a byte of an object store before it is told to come back."""
    max_limit: int = Field(default=1000, ge=1, le=10_000)
    """Most items on one page of a search; a larger `limit` is cut to it."""
    search_cache_bytes: int = Field(default=128 * 1024 * 1024, ge=0)
    """Most bytes of rendered items that each process keeps; an item takes 5 kB."""
    max_body: int = Field(default=1_048_576, ge=1024)
    """Most bytes of a request's body."""

    assets_redirect: bool = False
    """Send clients to signed URLs of an S3 store rather than stream its objects."""
    asset_url_seconds: int = Field(default=3600, ge=1, le=604_800)
    """Seconds for which such a URL is valid."""

    signing_secret: SecretStr | None = Field(default=None, min_length=32)
    """Secret by which addresses of assets and accepted terms are signed, the same in all server processes."""

    @field_validator("root_path")
    @classmethod
    def _is_a_prefix(cls, value: str) -> str:
        prefix = "/" + value.strip("/") if value.strip("/") else ""
        if is_own_path(prefix):
            msg = f"root path {value!r} starts with one of the server's own paths ({', '.join(sorted(OWN_PATHS))})"
            raise ValueError(msg)
        return prefix


def is_own_path(path: str) -> bool:
    """Tell whether the first segment of `path` is one that the server serves itself."""
    return path.lstrip("/").split("/", 1)[0] in OWN_PATHS


def load_settings(data: Path, **given: Any) -> ServerSettings:
    """Return the settings of a server of the stack in `data`.

    Args:
        data: folder of the local stack; unused where the environment names database and store.
        given: fields that win over the environment.

    Raises:
        SettingsError: neither the environment nor `data` names a database and a store.
    """
    if secret := load_signing_secret(data):
        given.setdefault("signing_secret", secret)
    return ServerSettings(database=load_database(data), store=load_store(data), **given)
