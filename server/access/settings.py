"""What the operator decides about access."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from catalog.errors import SettingsError
from server.access.caller import READ
from server.errors import in_words
from server.settings import Words

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/-]{0,127}")
"""What a scope is written with."""
_ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA"}
)


def _pairs(value: Any) -> Any:
    """Split `a=x, b` as an environment variable writes it; what stands alone has an empty value."""
    if not isinstance(value, str):
        return value
    parts = (part.strip().partition("=") for part in value.split(",") if part.strip())
    return {name.strip(): found.strip() for name, _, found in parts}


def _collections(value: dict[str, str]) -> dict[str, str]:
    for name, scope in value.items():
        if not _NAME.fullmatch(name) or (scope and not SCOPE.fullmatch(scope)):
            raise ValueError(f"{name!r}{f'={scope!r}' if scope else ''} is not as COLLECTION or COLLECTION=SCOPE")
    return {name: scope or READ for name, scope in value.items()}


def _granted(value: dict[str, str]) -> dict[str, str]:
    if wrong := next((name for name, scope in value.items() if not SCOPE.fullmatch(scope)), None):
        raise ValueError(f"{wrong!r} names no scope: write CLAIM=SCOPE")
    return value


def _asymmetric(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [name for name in value if name not in _ASYMMETRIC]:
        raise ValueError(f"{', '.join(wrong)}: tokens are signed by one of {', '.join(sorted(_ASYMMETRIC))}")
    return value


Pairs = Annotated[dict[str, str], BeforeValidator(_pairs), NoDecode]
Needed = Literal["open", "token"]


class AccessSettings(BaseSettings):
    """Settings of access; every field can be given as `WORLDSTRAT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="WORLDSTRAT_", frozen=True, extra="ignore", hide_input_in_errors=True)

    private_collections: Annotated[Pairs, AfterValidator(_collections)] = Field(default={})
    """Collections that exist only for keys and tokens with the scope `read`, or with one of their own:
    `worldstrat-spot, drafts=team`."""
    access_read: Needed = "open"
    """`token`: nothing at all can be read without the scope `read`."""
    access_register: Needed = "token"
    """`open`: anybody may register searches for mosaics, which writes a row of the database for each."""
    access_jobs: Needed = "open"
    """`token`: stacks, animations and whole super-resolved files take the scope `jobs`."""
    sr_write_token: SecretStr | None = None
    """A token with the scope `write`, beside the keys of `worldstrat keys`."""

    oidc_issuer: str | None = None
    """Issuer (`iss`) of the tokens of an OpenID Connect provider; none are taken unless given."""
    oidc_audience: str | None = None
    """Audience (`aud`) that they must name."""
    oidc_jwks_url: HttpUrl | None = None
    """Address of the issuer's keys (its `jwks_uri`): the only address that the server itself asks."""
    oidc_algorithms: Annotated[Words, AfterValidator(_asymmetric)] = ("RS256", "ES256")
    """Algorithms of their signatures."""
    oidc_leeway: float = Field(default=30.0, ge=0, le=300)
    """Seconds by which clocks may differ."""
    oidc_keys_seconds: float = Field(default=3600.0, ge=60, le=86_400)
    """Seconds for which the issuer's keys are believed."""
    oidc_scope_claim: str = Field(default="scope", max_length=200)
    """Claim that holds scopes or groups, as words or as a list; dots lead inside: `realm_access.roles`."""
    oidc_scopes: Annotated[Pairs, AfterValidator(_granted)] = Field(default={})
    """What a word of that claim allows: `curators=write, staff=read`; the words themselves unless given."""

    signed_seconds: int = Field(default=3600, ge=1, le=86_400)
    """Seconds for which a signed address is good."""
    terms_collections: Words = ()
    """Collections whose assets are given to those who have accepted the terms of their licence."""
    terms_days: int = Field(default=90, ge=1, le=3650)
    """Days for which an acceptance without a key or token is remembered."""

    @model_validator(mode="after")
    def _fits_together(self) -> "AccessSettings":
        oidc = (self.oidc_issuer, self.oidc_audience, self.oidc_jwks_url)
        if any(oidc) and not all(oidc):
            raise ValueError("WORLDSTRAT_OIDC_ISSUER, _AUDIENCE and _JWKS_URL belong together: one of them is missing")
        return self


def load_access() -> AccessSettings:
    """Return the settings of access, from the environment.

    Raises:
        SettingsError: a variable is not what it should be.
    """
    try:
        return AccessSettings()
    except ValidationError as error:
        raise SettingsError(f"A setting of access is not what it should be: {in_words(error.errors())}.") from None
