"""Signatures of ours: of addresses of assets, for a while, and of accepted terms."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from server.access.errors import SignatureError, UnsignableError

EXPIRES: Final = "ws-expires"
PREFIX: Final = "ws-prefix"
SIGNATURE: Final = "ws-signature"
"""Parameters of a signed address: until when, in seconds since 1970; for which keys; by whom."""

_DIGITS: Final = 12


class Signatures:
    """Signs, and tells what was signed here."""

    def __init__(self, secret: SecretStr | None) -> None:
        self._secret = secret

    def query(self, prefix: str, expires: int) -> dict[str, str]:
        """Return the parameters by which every object whose key begins with `prefix` can be read until `expires`.

        Raises:
            UnsignableError: there is no secret to sign with.
        """
        return {EXPIRES: str(expires), PREFIX: prefix, SIGNATURE: self.sign("asset", prefix, str(expires))}

    def check(self, key: str, query: Mapping[str, str]) -> None:
        """Let those pass whose address was signed for an object.

        Raises:
            SignatureError: it has expired, or was not signed here, or for another object.
        """
        expires, prefix = query.get(EXPIRES, ""), query.get(PREFIX, "")
        if not self.is_ours(query.get(SIGNATURE, ""), "asset", prefix, expires) or not _holds(prefix, key):
            raise SignatureError("The address was not signed by this server for this asset.")
        if int(expires) <= time.time():
            raise SignatureError("The signed address has expired. Ask for another: GET /access/sign.")

    def sign(self, purpose: str, *facts: str) -> str:
        """Return the signature of facts, good for one purpose alone.

        Raises:
            UnsignableError: there is no secret to sign with.
        """
        if self._secret is None:
            raise UnsignableError(
                "This server signs nothing: its operator has set no WORLDSTRAT_SIGNING_SECRET (docs/access.md)."
            )
        told = "\n".join((purpose, *facts)).encode()
        digest = hmac.new(self._secret.get_secret_value().encode(), told, hashlib.sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def is_ours(self, signature: str, purpose: str, *facts: str) -> bool:
        """Tell whether facts were signed here, the last of which is a time; compares in a time that tells nothing."""
        if self._secret is None or not facts[-1].isascii() or not facts[-1].isdigit() or len(facts[-1]) > _DIGITS:
            return False
        return hmac.compare_digest(self.sign(purpose, *facts).encode(), signature.encode())


def _holds(prefix: str, key: str) -> bool:
    """Tell whether a key lies below a prefix, which is one object or ends where a folder does."""
    return key == prefix or (prefix.endswith("/") and key.startswith(prefix))
