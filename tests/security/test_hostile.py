"""Thousands of hostile requests against a live server: refused clearly; nothing told, fetched or changed."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from tests.security.attacks import Known, attacks
from tests.security.conftest import Canary, Target
from tests.security.wire import Answer, Attack, Wire

LEAST = 5000
"""Requests that are sent at least."""
SHARE, KEPT, KEPT_PARAMETERS = 8, 6, 1
"""Of every so many attacks of a kind so many are sent in the ordinary suite; values of parameters are often answered,
which takes longer than a refusal: of them fewer."""
CONNECTIONS = 4
SLOWEST = 20.0
"""Seconds that one answer may take on a busy machine; each is bounded by the server itself, most take milliseconds."""


def is_stated(answer: Answer) -> bool:
    """Tell whether an answer of 500 or more is one that the documentation states.

    503: too busy, come back in so many seconds.
    """
    return answer.status == 503 and answer.headers.get("Retry-After", "").isdigit()


def judge(attack: Attack, answer: Answer, secrets: Sequence[str]) -> str | None:
    """Return what is wrong with an answer, None where nothing is."""
    if answer.status >= 500 and not is_stated(answer):
        return f"{answer.status} {answer.body[:300]!r}"
    text = answer.body.decode("utf-8", "replace")
    told = [
        secret for secret in secrets if secret in text and secret not in attack.target + attack.body.decode("latin-1")
    ]
    if told:
        return f"tells {told[0]!r}: {text[max(0, text.index(told[0]) - 200) :][:500]!r}"
    if "X-Injected" in answer.headers:
        return "lets a caller write a header"
    if answer.headers.get("X-Content-Type-Options") != "nosniff" and answer.status != 400:
        return f"{answer.status} lacks the security headers: {dict(answer.headers)}"
    return None


class Crowd:
    """Sends attacks over a few connections, and keeps what is wrong with the answers."""

    def __init__(self, target: Target, waiting: Sequence[Attack]) -> None:
        self.target = target
        self.waiting = list(reversed(waiting))
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.slowest: tuple[float, str] = (0.0, "")
        self._lock = threading.Lock()

    def run(self) -> None:
        """Send everything."""
        threads = [threading.Thread(target=self._send) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self) -> None:
        secrets = self.target.secrets
        with Wire(self.target.url) as wire:
            while attack := self._next():
                started = time.monotonic()
                try:
                    answer = wire.ask(attack)
                    finding = judge(attack, answer, secrets)
                    status = answer.status
                except Exception as error:  # noqa: BLE001 - whatever a broken answer makes of the client is the finding
                    finding, status = f"breaks off: {error!r}", 0
                    wire.close()
                taken = time.monotonic() - started
                with self._lock:
                    self.statuses[status] += 1
                    self.slowest = max(self.slowest, (taken, str(attack)))
                    if finding:
                        self.wrong.append(f"{attack}\n    {finding}")

    def _next(self) -> Attack | None:
        with self._lock:
            return self.waiting.pop() if self.waiting else None


def held(target: Target) -> Any:
    """Return what the catalog holds, as a client sees it."""
    search = httpx.get(f"{target.url}/stac/search", params={"limit": 1000, "fields": "id"}, timeout=60)
    collections = httpx.get(f"{target.url}/stac/collections", timeout=60)
    found = search.raise_for_status().json()
    return found["numberMatched"], sorted(item["id"] for item in found["features"]), collections.json()["collections"]


@pytest.fixture(scope="module")
def everything(known: Known, document: dict[str, Any]) -> list[Attack]:
    """The whole list."""
    return attacks(document, known)


def send(target: Target, canary: Canary, chosen: Sequence[Attack]) -> Crowd:
    """Send attacks; what came back is as it has to be, and the catalog what it was."""
    before = held(target)
    crowd = Crowd(target, chosen)
    crowd.run()
    assert crowd.wrong[:5] == [], f"{len(crowd.wrong)} of {len(chosen)}"
    # A turn that did not come in time is told so; that is no way to answer most.
    assert crowd.statuses[503] <= len(chosen) // 100
    assert crowd.slowest[0] < SLOWEST, crowd.slowest[1]
    assert canary.visits == []
    assert held(target) == before
    return crowd


@pytest.mark.timeout(900)
def test_five_thousand_hostile_requests_are_refused_and_learn_nothing(
    target: Target, canary: Canary, everything: list[Attack], record_property: Callable[[str, object], None]
) -> None:
    # Of each kind some, always the same ones.
    numbers: Counter[str] = Counter()
    chosen = []
    for attack in everything:
        if numbers[attack.kind] % SHARE < (KEPT_PARAMETERS if attack.kind.startswith("parameter") else KEPT):
            chosen.append(attack)
        numbers[attack.kind] += 1
    assert {attack.kind for attack in chosen} == {attack.kind for attack in everything}

    crowd = send(target, canary, chosen)

    assert sum(crowd.statuses.values()) == len(chosen) >= LEAST
    assert crowd.statuses[404] > LEAST // 20
    assert crowd.statuses[400] > LEAST // 4
    record_property("requests", dict(crowd.statuses))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_list_of_hostile_requests_is_refused(
    target: Target, canary: Canary, everything: list[Attack]
) -> None:
    """The rest of the list: it takes three times as long."""
    crowd = send(target, canary, everything)

    assert sum(crowd.statuses.values()) == len(everything) > 2 * LEAST
