"""API keys: `wsk_ID_SECRET`, of which the database knows the id and a hash of the secret."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from server.access.caller import Caller

PREFIX = "wsk"
"""What every key begins with, so that scanners of secrets find one that was published."""

_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")
_ID_BYTES, _SECRET_BYTES = 8, 32


@dataclass(frozen=True)
class StoredKey:
    """A key as the database knows it."""

    id: str
    """What tells it from the others; no secret."""
    name: str
    """Whose it is, or what for."""
    hash: bytes
    """SHA-256 of the secret: 256 random bits need no slower hash, since nobody can try them."""
    scopes: frozenset[str]
    """What it allows."""
    created: datetime
    """Since when it is there."""
    expires: datetime | None
    """Until when it is good; None for ever."""

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= datetime.now(UTC)

    @property
    def caller(self) -> Caller:
        """Who shows it."""
        return Caller(f"key:{self.name}", self.scopes)

    def fits(self, shown: "ShownKey") -> bool:
        """Tell whether a caller's key is this one, in a time that tells nothing."""
        return secrets.compare_digest(shown.hash, self.hash)


@dataclass(frozen=True)
class ShownKey:
    """A key as a caller shows it, without the secret itself."""

    id: str
    """Which key it claims to be."""
    hash: bytes
    """SHA-256 of its secret."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a key, None where a text is none."""
        found = _KEY.fullmatch(text)
        return cls(found[1], _hash(found[2])) if found else None


def new_key() -> tuple[str, ShownKey]:
    """Return a key that nobody has, and what is kept of it."""
    text = f"{PREFIX}_{secrets.token_hex(_ID_BYTES)}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    kept = ShownKey.parse(text)
    if kept is None:  # the pattern and the two lines above belong together
        raise AssertionError(PREFIX)
    return text, kept


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
