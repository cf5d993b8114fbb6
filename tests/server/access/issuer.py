"""An issuer of tokens on the loopback, and what an operator decides of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example/realms/eo", "worldstrat"
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Issuer:
    """An OpenID Connect provider as far as a server sees it: keys at an address, and tokens that they sign."""

    def __init__(self) -> None:
        self.keys: dict[str, Private] = {}
        self.asked = 0
        self.broken = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                body = json.dumps({"keys": [_public(name, key) for name, key in issuer.keys.items()]}).encode()
                self.send_response(500 if issuer.broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.rotate("first", rsa.generate_private_key(65537, 2048))

    def rotate(self, name: str, key: Private) -> None:
        self.keys = {name: key}

    def token(self, *, key: Any = None, alg: str | None = None, kid: str | None = None, **claims: Any) -> str:
        name, own = next(iter(self.keys.items()))
        now = datetime.now(UTC)
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now + timedelta(minutes=5), **claims}
        said = {name: value for name, value in said.items() if value is not None}
        chosen = alg or ("ES256" if isinstance(own, ec.EllipticCurvePrivateKey) else "RS256")
        return jwt.encode(said, own if key is None else key, chosen, {"kid": kid or name})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _public(name: str, key: Private) -> dict[str, Any]:
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}


@contextmanager
def decided(**settings: str) -> Iterator[None]:
    """Have settings in the environment: of whatever is created within."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(f"WORLDSTRAT_{name.upper()}", value)
        yield
