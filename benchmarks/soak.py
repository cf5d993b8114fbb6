"""A stack under load with a fault every minute: nothing wrong, nothing lost, nothing that grows. docs/reliability.md.

.venv/bin/python benchmarks/soak.py --minutes 30 --page
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx
from soak_faults import FAULTS, Fault, in_turn
from soak_load import Asker, Log, drive, measure_capacity, mixed
from soak_memory import Memory
from soak_page import describe, update_page
from soak_questions import Oracle, check_assets, list_questions
from soak_result import Inflicted, Result
from soak_stack import Stack, running

from infra.signals import interruptible

SHARE = 0.6
"""Part of the capacity that is asked for."""
PAGE = Path(__file__).parents[1] / "docs/reliability.md"
_LAST_CALM = 15.0  # seconds without a fault at the end


@dataclass(frozen=True)
class Plan:
    """How a soak goes."""

    minutes: float
    """How long the load lasts."""
    every: float
    """Seconds from one fault's beginning to the next one's."""
    measured: float
    """Seconds for which capacity is measured."""
    seed: int
    """Of questions and faults."""
    rate: float | None = None
    """Requests a second; `SHARE` of the capacity unless given."""
    only: tuple[str, ...] = ()
    """Faults that are inflicted, in this order; all in a seeded one where none are named."""

    def faults(self) -> Iterator[Fault]:
        """Yield the faults in their order."""
        return iter([FAULTS[name] for name in self.only]) if self.only else in_turn(self.seed)


@dataclass
class Course:
    """What took place."""

    inflicted: list[Inflicted] = field(default_factory=list)
    """Faults."""
    failed: list[str] = field(default_factory=list)
    """Faults that could not be inflicted, and why."""


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="Length of the load.")
@click.option("--every", default=60.0, show_default=True, help="Seconds from one fault to the next.")
@click.option("--measured", default=20.0, show_default=True, help="Seconds for which capacity is measured.")
@click.option("--rate", type=float, help="Requests a second, instead of 60 % of the capacity.")
@click.option("--workers", default=2, show_default=True, help="Processes of the web server.")
@click.option("--seed", default=7, show_default=True, help="Of questions and faults.")
@click.option("--only", multiple=True, type=click.Choice(list(FAULTS)), help="Inflict this fault; can be repeated.")
@click.option(
    "--dataset",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A dataset in the published layout, such as `worldstrat sample` makes; a small one is built unless given.",
)
@click.option("--page", is_flag=True, help="Write the result into docs/reliability.md.")
@click.option("--json", "as_json", is_flag=True, help="Print counts as JSON instead of Markdown.")
def main(
    *,
    minutes: float,
    every: float,
    measured: float,
    rate: float | None,
    workers: int,
    seed: int,
    only: tuple[str, ...],
    dataset: Path | None,
    page: bool,
    as_json: bool,
) -> None:
    """Soak a stack of its own; the exit code is 1 where something is not as it should be."""
    plan = Plan(minutes, every, measured, seed, rate, only)
    with interruptible(), running(dataset, workers) as stack:
        result = soak(stack, plan)
    if page:
        update_page(PAGE, result, workers)
    problems = result.problems()
    print(json.dumps(_counts(result) | {"problems": problems}) if as_json else describe(result, workers))
    sys.exit(1 if problems else 0)


def soak(stack: Stack, plan: Plan) -> Result:
    """Learn what is right, then load the stack and let faults happen to it."""
    before = stack.fingerprint()
    with httpx.Client(base_url=stack.server.url, timeout=60) as client:
        check_assets(client, client.get("/stac/search?limit=1000").raise_for_status().json()["features"])
        oracle = Oracle.learn(client, list_questions(client, without=stack.spare))
    _say(f"{len(oracle.questions)} questions; the answers are known")
    with Memory(stack.server.worker_pids) as memory:
        result = asyncio.run(_run(stack, plan, oracle))
    result.growth = memory.oldest()
    result.catalog = before, stack.fingerprint()
    result.damaged = stack.damaged()
    return result


async def _run(stack: Stack, plan: Plan, oracle: Oracle) -> Result:
    log, course, questions = Log(), Course(), mixed(oracle, plan.seed)
    trial = Asker(stack.server.url, oracle, Log())
    capacity = await measure_capacity(trial, questions, plan.measured)
    await trial.close()
    rate = plan.rate or SHARE * capacity
    _say(f"{capacity:.0f} requests a second at most; {rate:.0f} are asked")
    asker, begun = Asker(stack.server.url, oracle, log), time.monotonic()
    end = begun + 60 * plan.minutes
    faults = asyncio.create_task(_inflict(stack, plan, course, log, end))
    try:
        await drive(asker, questions, rate, lambda: time.monotonic() >= end, log)
        await faults
    finally:
        faults.cancel()
        with suppress(asyncio.CancelledError):
            await faults
        await asker.close()
    ended = time.monotonic()
    return Result(
        capacity, rate, begun, ended, log.answers, log.unasked, course.inflicted, None, ("", ""), (), course.failed
    )


async def _inflict(stack: Stack, plan: Plan, course: Course, log: Log, end: float) -> None:
    """Inflict one fault after the other, in a thread: the load goes on."""
    chance, begun = random.Random(plan.seed), time.monotonic()  # noqa: S311 - nothing secret
    for number, fault in enumerate(plan.faults(), 1):
        due = begun + plan.every * (number - 0.5)
        if due + fault.seconds + _LAST_CALM > end:
            return
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        try:
            await asyncio.to_thread(_one, stack, fault, chance)
        except Exception as error:  # noqa: BLE001 - told at the end, after all that went well
            course.failed.append(f"{fault.name} could not be inflicted: {type(error).__name__} {error}")
        course.inflicted.append(Inflicted(fault, began, time.monotonic()))
        _say(f"{number}: {fault.name}; {len(log.answers):,} answers so far")


def _one(stack: Stack, fault: Fault, chance: random.Random) -> None:
    with fault.inflict(stack, chance):
        time.sleep(fault.seconds)


def _counts(result: Result) -> dict[str, object]:
    return {
        "answers": len(result.answers),
        "verdicts": {verdict.value: count for verdict, count in result.verdicts.items()},
        "statuses": result.statuses,
        "recovery": {after.fault.name: round(after.recovery, 2) for after in result.aftermaths()},
    }


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
