"""Who a client is, behind proxies and without."""

from typing import Any

import pytest

from server.limits.client import client_address, counted_name, is_local

TRUSTED = frozenset({"127.0.0.1", "10.0.0.1", "10.0.0.2"})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "10.0.0.1"),
        ({"x-forwarded-for": "8.8.8.8"}, "8.8.8.8"),
        ({"x-forwarded-for": "1.1.1.1, 8.8.8.8"}, "8.8.8.8"),
        ({"x-forwarded-for": "127.0.0.1, 8.8.8.8, 10.0.0.2"}, "8.8.8.8"),
        ({"x-forwarded-for": "8.8.8.8:4711"}, "8.8.8.8"),
        ({"x-forwarded-for": "[2001:db8::7]:4711"}, "2001:db8::7"),
        ({"x-forwarded-for": "2001:db8::7"}, "2001:db8::7"),
        ({"x-forwarded-for": "8.8.8.8, unknown"}, "10.0.0.1"),
        ({"x-forwarded-for": "8.8.8.8, unknown, 10.0.0.2"}, "10.0.0.2"),
        ({"x-forwarded-for": ""}, "10.0.0.1"),
        ({"forwarded": 'for=1.1.1.1, for="[2001:db8::7]:80";proto=https'}, "2001:db8::7"),
        ({"forwarded": "for=1.1.1.1", "x-forwarded-for": "8.8.8.8"}, "8.8.8.8"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_is_the_client(headers: dict[str, str], expected: str) -> None:
    assert client_address(headers, "10.0.0.1", TRUSTED) == expected


def test_where_all_proxies_are_trusted_the_first_address_is_the_client() -> None:
    assert client_address({"x-forwarded-for": "8.8.8.8, 9.9.9.9"}, "10.0.0.1", frozenset({"*"})) == "8.8.8.8"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_and_of_ipv6_its_network(address: str, name: str) -> None:
    assert counted_name({"client": (address, 1)}) == name


def test_an_identity_counts_before_an_address() -> None:
    scope = {"client": ("8.8.8.8", 1), "state": {"client_id": "alice"}}

    assert counted_name(scope) == "id:alice"
    assert counted_name({"client": None, "state": {}}) == "unknown"


@pytest.mark.parametrize(
    ("client", "headers", "expected"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("8.8.8.8", [], False),
        ("127.0.0.1", [(b"x-forwarded-for", b"127.0.0.1")], False),
        ("127.0.0.1", [(b"via", b"1.1 caddy")], False),
        ("127.0.0.1", [(b"forwarded", b"for=127.0.0.1")], False),
    ],
)
def test_only_what_comes_by_no_proxy_is_local(client: str, headers: Any, *, expected: bool) -> None:
    assert is_local({"client": (client, 1), "headers": headers}) is expected
