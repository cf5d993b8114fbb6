"""What the operator decides about super-resolution."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SuperResolutionSettings(BaseSettings):
    """Settings of super-resolution; every field can be given as `WORLDSTRAT_SR_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="WORLDSTRAT_SR_", frozen=True)

    model: str | None = Field(default=None, max_length=100)
    """Model that is taken where a caller names none, by the id of its item; the one in the package unless given."""
    cache_bytes: int = Field(default=268_435_456, ge=0)
    """Most bytes of finished items kept in memory; one takes about 9 MB."""
    workers: int = Field(default=1, ge=1, le=64)
    """Items that this process computes at a time; one uses all `threads`."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads of one inference; as many as there are cores unless given."""
    queue: int = Field(default=16, ge=0, le=10_000)
    """Items that may wait for a worker; who comes after them is told to come back."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds that a request waits for its item."""
    ray_address: str | None = None
    """Ray cluster whose workers compute: `HOST:PORT` of one that this machine belongs to, `local` for one that is
    started here; this process unless given."""
    ray_gpus: float = Field(default=0.0, ge=0, le=8)
    """GPUs of one worker there; 0 for workers on the CPU."""
    ray_workers: int = Field(default=2, ge=1, le=1000)
    """Most workers there."""
    keep: bool = False
    """Keep finished items in the object store too, for other processes and after a restart."""
