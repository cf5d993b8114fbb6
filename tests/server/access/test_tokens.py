"""Tokens of an OpenID Connect provider: a real key server on the loopback, real signatures."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from catalog.constants import COLLECTION_SPOT
from catalog.errors import SettingsError
from server.access import issuer_keys
from server.access.settings import AccessSettings, load_access
from tests.server.access.issuer import AUDIENCE, ISSUER, Issuer, decided

SPOT = f"/stac/collections/{COLLECTION_SPOT}"
OTHER = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def client(catalog: Any, serve: Any, issuer: Issuer) -> httpx.Client:
    """A client of a server that takes the issuer's tokens, and keeps SPOT to those of the group `staff`."""
    with decided(
        private_collections=COLLECTION_SPOT,
        oidc_issuer=ISSUER,
        oidc_audience=AUDIENCE,
        oidc_jwks_url=issuer.url,
        oidc_scope_claim="realm.roles",
        oidc_scopes="staff=read,curators=write",
    ):
        return serve(catalog.settings())


def seen(client: httpx.Client, token: str) -> httpx.Response:
    return client.get(SPOT, headers={"Authorization": f"Bearer {token}"})


STAFF = {"realm": {"roles": ["staff", "others"]}}


def test_a_good_token_opens_what_its_groups_allow_whatever_its_kind_of_key(
    client: httpx.Client, issuer: Issuer
) -> None:
    assert seen(client, issuer.token(**STAFF)).status_code == 200
    assert seen(client, issuer.token()).status_code == 404
    issuer.rotate("second", ec.generate_private_key(ec.SECP256R1()))
    assert seen(client, issuer.token(**STAFF)).status_code == 401, "too soon to ask the issuer again"


def moment(**ago: float) -> datetime:
    return datetime.now(UTC) - timedelta(**ago)


def unsigned(token: str, header: dict[str, str]) -> str:
    """Return a token with another header and no signature."""
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


def by_public_key(issuer: Issuer) -> str:
    """Return a token signed by HMAC with the public key as the secret, as libraries once took it."""
    public = issuer.keys["first"].public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": time.time() + 60, **STAFF}
    parts = [json.dumps({"alg": "HS256", "kid": "first"}).encode(), json.dumps(claims).encode()]
    said = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    digest = base64.urlsafe_b64encode(algorithm.sign(said, secret)).rstrip(b"=")
    return (said + b"." + digest).decode()


BAD: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(exp=moment(minutes=5), **STAFF),
    "without an end": lambda issuer: issuer.token(exp=None, **STAFF),
    "not yet": lambda issuer: issuer.token(nbf=moment(minutes=-5), **STAFF),
    "for another audience": lambda issuer: issuer.token(aud="another", **STAFF),
    "without an audience": lambda issuer: issuer.token(aud=None, **STAFF),
    "of another issuer": lambda issuer: issuer.token(iss="https://evil.example", **STAFF),
    "of nobody": lambda issuer: issuer.token(sub=None, **STAFF),
    "by another key of the same id": lambda issuer: issuer.token(key=OTHER, **STAFF),
    "by an unknown key": lambda issuer: issuer.token(key=OTHER, kid="unknown", **STAFF),
    "by an algorithm that is not taken": lambda issuer: issuer.token(alg="RS512", **STAFF),
    "by none": lambda issuer: unsigned(issuer.token(**STAFF), {"alg": "none", "kid": "first"}),
    "by nothing": lambda issuer: unsigned(issuer.token(**STAFF), {"alg": "RS256", "kid": "first"}),
    "by HMAC with the public key": by_public_key,
    "without the id of a key": lambda issuer: unsigned(issuer.token(**STAFF), {"alg": "RS256"}),
    "no token": lambda _: "a.b.c",
    "far too long": lambda _: "x" * 20_000,
    "a broken header": lambda _: base64.urlsafe_b64encode(b'"x"').decode() + ".e30.x",
}


def test_no_bad_token_is_taken_and_each_is_told(client: httpx.Client, issuer: Issuer) -> None:
    for what, make in BAD.items():
        for path in (SPOT, "/stac/search?limit=1"):
            answer = client.get(path, headers={"Authorization": f"Bearer {make(issuer)}"})
            assert answer.status_code == 401, f"{what}: {answer.text}"
            assert 'error="invalid_token"' in answer.headers["www-authenticate"], what
            assert answer.json()["code"] == "CredentialsError"
    assert issuer.asked == 1, "strangers' ids of keys make nobody ask the issuer"


def test_clocks_may_differ_by_the_leeway(client: httpx.Client, issuer: Issuer) -> None:
    assert seen(client, issuer.token(exp=moment(seconds=10), **STAFF)).status_code == 200


def test_rotated_keys_are_noticed_and_those_that_are_gone_too(
    client: httpx.Client, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "REFRESH_FLOOR", 0.0)
    old = issuer.token(**STAFF)
    assert seen(client, old).status_code == 200
    issuer.rotate("second", ec.generate_private_key(ec.SECP256R1()))
    assert seen(client, issuer.token(**STAFF)).status_code == 200
    assert seen(client, old).status_code == 401


def test_while_the_issuer_is_down_tokens_wait_and_the_public_reads_on(
    client: httpx.Client, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "RETRY_FLOOR", 600.0)
    issuer.broken = True
    token = issuer.token(**STAFF)
    answer = seen(client, token)
    assert (answer.status_code, answer.json()["code"]) == (503, "IssuerUnavailableError")
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/stac/search?limit=1").status_code == 200
    asked = issuer.asked
    assert seen(client, token).status_code == 503
    assert issuer.asked == asked, "an issuer that is down is not asked by every request"
    issuer.broken = False
    monkeypatch.setattr(issuer_keys, "RETRY_FLOOR", 0.0)
    assert seen(client, token).status_code == 200
    issuer.close()
    assert seen(client, token).status_code == 200, "its keys are known"


def test_what_a_group_may_not_do_is_told(client: httpx.Client, issuer: Issuer) -> None:
    path = "/raster/searches/register"
    refused = client.post(path, json={}, headers={"Authorization": f"Bearer {issuer.token(**STAFF)}"})
    assert refused.status_code == 403
    assert "'write', which 'oidc:ada' does not have" in refused.json()["description"]
    assert 'error="insufficient_scope", scope="write"' in refused.headers["www-authenticate"]
    may = issuer.token(realm={"roles": ["curators"]})
    body = {"collections": [COLLECTION_SPOT]}
    assert client.post(path, json=body, headers={"Authorization": f"Bearer {may}"}).status_code == 200
    anybody = client.post(path, json=body)
    assert anybody.status_code == 401
    assert anybody.headers["www-authenticate"] == 'Bearer realm="worldstrat"'


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"oidc_algorithms": "HS256"}, "HS256: tokens are signed by one of"),
        ({"oidc_algorithms": "none"}, "none: tokens are signed by one of"),
        ({"oidc_issuer": ISSUER}, "belong together"),
        ({"oidc_jwks_url": "file:///etc/passwd"}, "URL scheme should be 'http' or 'https'"),
        ({"private_collections": "a'b"}, "COLLECTION or COLLECTION=SCOPE"),
        ({"oidc_scopes": "staff"}, "CLAIM=SCOPE"),
    ],
)
def test_settings_without_a_meaning_are_refused(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AccessSettings.model_validate(wrong)
    with decided(**wrong), pytest.raises(SettingsError, match=told):
        load_access()
