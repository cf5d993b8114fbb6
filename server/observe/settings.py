"""What the operator decides about logs, counters and traces."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ObserveSettings(BaseSettings):
    """Settings of logs, counters and traces; every field can be given as `WORLDSTRAT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="WORLDSTRAT_", frozen=True, populate_by_name=True, extra="ignore")

    log_format: Literal["auto", "json", "console"] = "auto"
    """Form of a line of log: `auto` is `console` in a terminal and `json` elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of what is logged; requests of probes and of `/metrics` are `debug`."""
    metrics: Literal["local", "public", "token", "off"] = "local"
    """Who may read `/metrics`: `local` programs of this machine that come by no proxy, and whoever has the token;
    `token` whoever has it; `public` all; `off` nobody."""
    metrics_token: SecretStr | None = None
    """The token, as `Authorization: Bearer`."""
    traces_to: str | None = Field(default=None, alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Collector of OpenTelemetry (OTLP over HTTP) that traces are sent to, such as `http://collector:4318`; the
    other `OTEL_` variables are those of OpenTelemetry. Nothing is traced unless given."""
