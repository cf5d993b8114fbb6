"""Where the database and the objects are: from the environment, else from a local stack's `stack.env`."""

import os
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from catalog.errors import SettingsError

STACK_ENV = "stack.env"
SIGNING_SECRET = "WORLDSTRAT_SIGNING_SECRET"  # noqa: S105 - a name


class DatabaseSettings(BaseSettings):
    """A PostgreSQL database with pgSTAC, named by libpq's own variables."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    host: str = Field(alias="PGHOST")
    """Host name, address, or the folder of a unix socket."""
    port: int = Field(default=5432, alias="PGPORT", ge=1, le=65535)
    """TCP port, also part of the socket's name."""
    user: str = Field(default="worldstrat", alias="PGUSER")
    """Role that owns or may read pgSTAC."""
    password: SecretStr = Field(default=SecretStr(""), alias="PGPASSWORD")
    """Password of that role; empty where the server trusts the connection."""
    database: str = Field(default="worldstrat", alias="PGDATABASE")
    """Name of the database."""

    @property
    def dsn(self) -> str:
        """The connection as a libpq URL, password included: never log it."""
        secret = self.password.get_secret_value()
        login = quote(self.user, safe="") + (f":{quote(secret, safe='')}" if secret else "")
        return f"postgresql://{login}@{quote(self.host, safe='')}:{self.port}/{quote(self.database, safe='')}"


class StoreSettings(BaseSettings):
    """An object store: a folder of files or a prefix of an S3 bucket."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    url: str = Field(alias="WORLDSTRAT_STORE", pattern=r"^(file:///|s3://[a-z0-9][^/@]*(/|$))")
    """`file:///folder` or `s3://bucket[/prefix]`; canonical hrefs start with it, so it holds no keys."""
    endpoint_url: str | None = Field(default=None, alias="AWS_ENDPOINT_URL")
    """Address of an S3 server that is not Amazon's."""
    access_key_id: str | None = Field(default=None, alias="AWS_ACCESS_KEY_ID")
    """S3 access key; without one the machine's own role is used."""
    secret_access_key: SecretStr | None = Field(default=None, alias="AWS_SECRET_ACCESS_KEY")
    """S3 secret key."""
    region: str = Field(default="us-east-1", alias="AWS_REGION")
    """S3 region."""


Settings = TypeVar("Settings", DatabaseSettings, StoreSettings)


def load_database(data: Path) -> DatabaseSettings:
    """Return the database that `PGHOST` names, else that of the local stack in `data`.

    Raises:
        SettingsError: neither is there, or a variable is not what it should be.
    """
    if "PGHOST" in os.environ:
        return _build(DatabaseSettings, "the environment", {})
    return _from_stack(DatabaseSettings, data, "database", "PGHOST")


def load_store(data: Path) -> StoreSettings:
    """Return the store that `WORLDSTRAT_STORE` names, else that of the local stack in `data`.

    Raises:
        SettingsError: neither is there, or a variable is not what it should be.
    """
    if "WORLDSTRAT_STORE" in os.environ:
        return _build(StoreSettings, "the environment", {})
    return _from_stack(StoreSettings, data, "object store", "WORLDSTRAT_STORE")


def load_signing_secret(data: Path) -> SecretStr | None:
    """Return the secret by which a server signs: that of the environment, else of the local stack, None without one."""
    stored = dotenv_values(data / STACK_ENV).get(SIGNING_SECRET)
    secret = os.environ.get(SIGNING_SECRET) or stored
    return SecretStr(secret) if secret else None


def _from_stack(kind: type[Settings], data: Path, what: str, variable: str) -> Settings:
    """Read settings from the stack's file alone: a PGUSER or AWS_* of the caller's is meant for another service."""
    path = data / STACK_ENV
    if not path.is_file():
        raise SettingsError(
            f"No {what}: {variable} is not set and {path} does not exist. "
            f"Start a local stack with `worldstrat up --data {data}`."
        )
    stored = dotenv_values(path)
    fields = {field.alias or name: field for name, field in kind.model_fields.items()}
    return _build(kind, str(path), {name: stored.get(name, field.default) for name, field in fields.items()})


def _build(kind: type[Settings], where: str, values: dict[str, Any]) -> Settings:
    try:
        return kind(**values)
    except ValidationError as error:
        # Without the values, which may hold passwords.
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)
        )
        raise SettingsError(f"A variable of {where} is not what it should be. {wrong}.") from None
