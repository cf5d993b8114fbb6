"""Bearer tokens of an OpenID Connect provider, checked here: signature, issuer, audience, time."""

from collections.abc import Mapping
from typing import Any

import jwt

from server.access.caller import Caller
from server.access.errors import CredentialsError
from server.access.issuer_keys import IssuerKeys
from server.access.settings import AccessSettings

LONGEST = 16_384
"""Characters of a token that is looked at."""
_REQUIRED = ["exp", "iss", "aud", "sub"]


class Tokens:
    """The tokens of one issuer."""

    def __init__(self, settings: AccessSettings) -> None:
        self._settings = settings
        self._keys = IssuerKeys(str(settings.oidc_jwks_url), settings.oidc_keys_seconds)

    async def caller(self, token: str) -> Caller:
        """Return who shows a token.

        Raises:
            CredentialsError: it is not good.
            IssuerUnavailableError: its issuer's keys cannot be had.
        """
        settings = self._settings
        # The header says which key, never which algorithm may be used: that is the operator's to say.
        header = _header(token)
        if header.get("alg") not in settings.oidc_algorithms or not isinstance(header.get("kid"), str):
            raise CredentialsError(
                f"A token is signed by one of {', '.join(settings.oidc_algorithms)} and names its key.", shown=True
            )
        key = await self._keys.get(header["kid"])
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=settings.oidc_algorithms,
                audience=settings.oidc_audience,
                issuer=settings.oidc_issuer,
                leeway=settings.oidc_leeway,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise CredentialsError(f"The token is not good: {_plain(error)}.", shown=True) from error
        return Caller(f"oidc:{claims['sub']}", self._scopes(claims))

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        words = _words(claims, self._settings.oidc_scope_claim)
        granted = self._settings.oidc_scopes
        return frozenset(granted[word] for word in words if word in granted) if granted else frozenset(words)


def _header(token: str) -> Mapping[str, Any]:
    try:
        if len(token) <= LONGEST:
            return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        pass
    raise CredentialsError("What was shown is neither an API key of this server nor a token.", shown=True)


def _words(claims: Mapping[str, Any], path: str) -> list[str]:
    """Return the words of a claim: `a b`, or a list; a path of dots leads into objects, unless a claim is named so."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _plain(error: jwt.PyJWTError) -> str:
    return str(error).rstrip(".") or type(error).__name__
