"""Asking: as fast as answers come, or at a steady pace whatever comes back; each answer is judged."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
from soak_questions import Oracle, Question, Verdict

PATIENCE = 20.0
"""Seconds after which an answer counts as hung."""
CLIENTS = 6
"""Requests under way while capacity is measured."""
MOST_AT_ONCE = 400
"""Requests under way at most; those that would be more are counted and not asked."""
WEIGHTS = {
    "tile, warm": 8,
    "tile, cold": 6,
    "item": 4,
    "mosaic": 3,
    "NDVI": 3,
    "super-resolved": 2,
    "search": 2,
    "statistics": 1,
    "asset": 1,
    "range of an asset": 1,
}
"""How often each kind is asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came of it."""

    due: float
    """Moment when it was asked, by the monotonic clock."""
    ended: float
    """Moment when its answer was there, or failed."""
    kind: str
    """Kind of the question."""
    verdict: Verdict
    """What it is worth."""
    status: int
    """HTTP status, 0 where there was none."""
    told: str = ""
    """What a bad one said."""


@dataclass
class Log:
    """All answers of a run."""

    answers: list[Answer] = field(default_factory=list)
    """In the order in which they ended."""
    unasked: int = 0
    """Requests that were not asked since too many were under way."""


def mixed(oracle: Oracle, seed: int) -> Iterator[Question]:
    """Yield questions for ever, in a seeded order, each kind as often as its weight says."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    kinds: dict[str, list[Question]] = {}
    for question in oracle.questions:
        kinds.setdefault(question.kind, []).append(question)
    names = sorted(kinds)
    weights = [WEIGHTS.get(name, 1) for name in names]
    while True:
        yield chance.choice(kinds[chance.choices(names, weights)[0]])


class Asker:
    """Asks one server and judges what it says."""

    def __init__(self, base: str, oracle: Oracle, log: Log) -> None:
        """Create it; answers go to `log`."""
        self._base = base
        self._oracle = oracle
        self._log = log
        self._number = 0
        # Servers drop a connection that was idle for 5 seconds.
        limits = httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=32, keepalive_expiry=2)
        # No certificates are ever looked at: reading them takes half a second.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.AsyncClient(limits=limits, timeout=PATIENCE, verify=context)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def ask(self, question: Question, due: float | None = None) -> Answer:
        """Ask once; the answer is judged and noted."""
        self._number += 1
        due = time.monotonic() if due is None else due
        verdict, status, told = Verdict.CUT, 0, ""
        try:
            async with asyncio.timeout(PATIENCE):
                request = self._client.build_request(**question.request(self._base, self._number))
                answer = await self._client.send(request)
            status = answer.status_code
            verdict = self._oracle.judge(question, status, answer.headers, answer.content)
            if verdict is not Verdict.RIGHT:
                told = f"{question.path}: {answer.text[:200] if status >= httpx.codes.BAD_REQUEST else 'other body'}"
        except (TimeoutError, httpx.TimeoutException):
            verdict, told = Verdict.HUNG, question.path
        except httpx.TransportError as error:
            told = f"{question.path}: {type(error).__name__} {error}"
        found = Answer(due, time.monotonic(), question.kind, verdict, status, told)
        self._log.answers.append(found)
        return found


async def measure_capacity(asker: Asker, questions: Iterator[Question], seconds: float) -> float:
    """Return how many requests a second are answered with `CLIENTS` under way."""
    begun, done = time.monotonic(), 0

    async def go_on() -> None:
        nonlocal done
        while time.monotonic() < begun + seconds:
            await asker.ask(next(questions))
            done += 1

    await asyncio.gather(*(go_on() for _ in range(CLIENTS)))
    return done / (time.monotonic() - begun)


async def drive(asker: Asker, questions: Iterator[Question], rate: float, until: Callable[[], bool], log: Log) -> None:
    """Ask at a steady pace, whatever comes back, until told to stop; return when all answers are there."""
    begun, number, tasks = time.monotonic(), 0, set[asyncio.Task[Answer]]()
    while not until():
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        number += 1
        question = next(questions)
        if len(tasks) >= MOST_AT_ONCE:
            log.unasked += 1
            continue
        task = asyncio.create_task(asker.ask(question, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
