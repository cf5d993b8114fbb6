"""Rate limits, as clients meet them."""

import asyncio
import time
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from server.app import create_app
from server.limits.rates import RateLimitMiddleware
from server.limits.settings import LimitSettings

FAR = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotas of two in an hour."""
    for name in ("TILES", "ASSETS", "SEARCHES", "HEAVY"):
        monkeypatch.setenv(f"WORLDSTRAT_LIMIT_{name}", "2")
    monkeypatch.setenv("WORLDSTRAT_LIMIT_SECONDS", "3600")


@pytest.mark.usefixtures("few")
def test_beyond_its_quota_a_client_is_told_when_to_come_back(serve: Any, catalog: Any) -> None:
    client = serve(create_app(catalog.settings()))

    answers = [client.get("/stac/collections", headers=FAR) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"search";q=2;w=3600'] * 3
    assert [answer.headers["ratelimit"].rpartition(";t=")[0] for answer in answers] == [
        f'"search";r={left}' for left in (1, 0, 0)
    ]
    refused = answers[-1]
    assert 0 < int(refused.headers["retry-after"]) <= 2 * 3600
    assert refused.json()["code"] == "TooManyRequests"
    assert "2 requests" in refused.json()["description"]


@pytest.mark.usefixtures("few")
def test_clients_behind_one_proxy_have_quotas_of_their_own_and_cannot_borrow_by_a_header(
    serve: Any, catalog: Any
) -> None:
    client = serve(create_app(catalog.settings()))

    def ask(told: str) -> int:
        status: int = client.get("/stac/collections", headers={"X-Forwarded-For": told}).status_code
        return status

    assert [ask("198.51.100.1") for _ in range(3)] == [200, 200, 429]
    assert [ask(f"192.0.2.{number}, 198.51.100.1") for number in range(3)] == [429] * 3
    assert ask("198.51.100.2") == 200
    assert [ask(f"2001:db8:1:2::{number}") for number in range(1, 4)] == [200, 200, 429]


@pytest.mark.usefixtures("few")
def test_costs_are_counted_apart_and_pages_and_probes_cost_nothing(serve: Any, catalog: Any) -> None:
    client = serve(create_app(catalog.settings()))

    for path, last in (("/stac/aggregate?aggregations=total_count", 429), ("/assets/a", 429), ("/healthz", 200)):
        assert [client.get(path, headers=FAR).status_code for _ in range(3)][-1] == last, path
    assert client.get("/stac/collections", headers=FAR).status_code == 200


@pytest.mark.usefixtures("few")
def test_programs_of_the_machine_itself_are_not_counted(serve: Any, catalog: Any) -> None:
    client = serve(create_app(catalog.settings()))

    answers = [client.get("/stac/collections") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


@pytest.mark.usefixtures("few")
def test_limits_can_be_switched_off(serve: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDSTRAT_LIMIT_RATES", "false")
    client = serve(create_app(catalog.settings()))

    assert {client.get("/stac/collections", headers=FAR).status_code for _ in range(5)} == {200}


@pytest.mark.usefixtures("few")
def test_a_browser_of_another_origin_may_read_why_it_was_refused(serve: Any, catalog: Any) -> None:
    client = serve(create_app(catalog.settings()))

    answers = [client.get("/stac/collections", headers={**FAR, "Origin": "https://a.org"}) for _ in range(3)]

    exposed = {name.strip().lower() for name in answers[-1].headers["access-control-expose-headers"].split(",")}
    assert answers[-1].status_code == 429
    assert {"retry-after", "ratelimit", "ratelimit-policy", "x-request-id"} <= exposed


@pytest.mark.anyio
async def test_counting_in_memory_takes_less_than_thirty_microseconds() -> None:
    """Over what the same application takes without: the best of five runs, of CPU, since others use the machine too."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        return

    async def seconds(served: Any) -> float:
        begin = time.process_time()
        for number in range(2000):
            state = {"client_id": f"client-{number % 100}"}
            await served(
                {"type": "http", "method": "GET", "path": "/stac/search", "state": state, "headers": []}, receive, send
            )
        return (time.process_time() - begin) / 2000

    counted = RateLimitMiddleware(app, settings=LimitSettings(searches=10_000))
    spent = []
    for _ in range(5):
        plain, limited = await seconds(app), await seconds(counted)
        spent.append(limited - plain)
        await asyncio.sleep(0)
    assert min(spent) < 30e-6


def test_the_refusal_is_quick(serve: Any, catalog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDSTRAT_LIMIT_HEAVY", "1")
    client = serve(create_app(catalog.settings()))
    client.get("/stac/sample", headers=FAR)

    begin = time.perf_counter()
    refused = [client.get("/stac/sample", headers=FAR).status_code for _ in range(20)]

    assert set(refused) == {429}
    assert (time.perf_counter() - begin) / 20 < 0.02
