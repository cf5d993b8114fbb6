"""What the operator decides about limits."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class LimitSettings(BaseSettings):
    """Settings of limits; every field can be given as `WORLDSTRAT_LIMIT_<NAME>`, but for the address of Redis."""

    model_config = SettingsConfigDict(env_prefix="WORLDSTRAT_LIMIT_", frozen=True, populate_by_name=True)

    rates: bool = True
    """Count the requests of each client; programs on this machine that come by no proxy are never counted."""
    redis_url: SecretStr | None = Field(default=None, alias="WORLDSTRAT_REDIS_URL")
    """Redis that counts for all processes and servers together, such as `redis://cache:6379/0`; each counts for
    itself unless given, and while Redis does not answer."""
    seconds: int = Field(default=10, ge=1, le=3600)
    """Seconds that the following numbers are for; a client may use them up in one burst."""
    tiles: int = Field(default=1500, ge=1)
    """Tiles and previews of a client in that time."""
    assets: int = Field(default=2000, ge=1)
    """Objects, or ranges of them."""
    searches: int = Field(default=300, ge=1)
    """Searches, items, and everything that reads no pixels."""
    heavy: int = Field(default=100, ge=1)
    """Stacks, statistics, series, files of super-resolution, counts and samples."""

    heavy_at_once: int = Field(default=8, ge=1, le=40)
    """Heavy requests that are worked on at once, of all clients together."""
    heavy_queue: int = Field(default=64, ge=0)
    """Heavy requests that may wait for that; who comes after them is told to come back."""
    upscaled_at_once: int = Field(default=20, ge=1, le=40)
    """Tiles of super-resolved items that are worked on, or wait for their item, at once."""
    upscaled_queue: int = Field(default=256, ge=0)
    """Tiles of super-resolved items that may wait for that."""
    tiles_at_once: int = Field(default=36, ge=1, le=40)
    """Other tiles that are worked on at once: of 40 threads a few are left for everything else."""
    tiles_queue: int = Field(default=2000, ge=0)
    """Other tiles that may wait for that."""
    wait: float = Field(default=15.0, gt=0)
    """Seconds that a request waits for its turn."""
    connections: int = Field(default=2000, ge=1)
    """Connections of a process; requests on further ones are answered 503."""
    keep_alive: int = Field(default=75, ge=1, le=3600)
    """Seconds that an idle connection is kept: more than a proxy in front keeps its own (a load balancer of AWS: 60,
    nginx: 60), which would else send a request into one that is being closed, and answer 502."""
