"""The soak's table in docs/reliability.md, between its two marks."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from soak_questions import Verdict
from soak_result import Aftermath, Result

BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"
_COLUMNS = ("fault", "answers", "right", "errors", "cut off", "wrong or unclear", "slowest", "recovered after")


def update_page(page: Path, result: Result, workers: int) -> None:
    """Write what a soak found between the page's marks.

    Raises:
        ValueError: the page has no marks.
    """
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{describe(result, workers)}\n{END}{after}", "utf-8")


def describe(result: Result, workers: int) -> str:
    """Return the result in Markdown."""
    lines = [*_summary(result, workers), "", *_table(result), "", *_verdict(result)]
    return "\n".join(lines) + "\n"


def _summary(result: Result, workers: int) -> list[str]:
    verdicts = result.verdicts
    minutes, share = (result.ended - result.begun) / 60, result.rate / result.capacity
    bad = verdicts[Verdict.UNCLEAR] + verdicts[Verdict.HUNG]
    same = "the same" if result.catalog[0] == result.catalog[1] else "**another**"
    facts = {
        "Load": f"{minutes:.0f} minutes at {result.rate:.0f} requests a second, {share:.0%} of the "
        f"{result.capacity:.0f} that this stack bears; {workers} server processes; clients, faults, database and store "
        "on the same machine",
        "Faults": f"{len(result.inflicted)}",
        "Answers": f"{len(result.answers):,} ({_statuses(result.statuses)}); {result.unasked:,} more were not asked "
        "since too many were under way",
        "Wrong answers": f"**{verdicts[Verdict.WRONG]:,}**",
        "Errors that were not clear, and hung requests": f"**{bad:,}**",
        "Clear errors": f"{verdicts[Verdict.CLEAR]:,}",
        "Cut off with a process that was killed": f"{verdicts[Verdict.CUT]:,}",
        "Catalog before and after": f"{same} (hash `{result.catalog[1][:12]}`); `worldstrat verify` found "
        f"{', '.join(result.damaged) or 'nothing'}",
        "Memory": _memory(result),
        "Latency outside of faults": f"p50 {result.percentile(50):.0f} ms, p99 {result.percentile(99):.0f} ms",
    }
    return [f"- {name}: {fact}." for name, fact in facts.items()]


def _statuses(statuses: Mapping[int, int], least: int = 0) -> str:
    return ", ".join(
        f"{count:,} of {status or 'none'}" for status, count in sorted(statuses.items()) if status >= least
    )


def _memory(result: Result) -> str:
    grown = result.growth
    if grown is None:
        return "watched too shortly to tell"
    return (
        f"the worker that lived longest ({grown.minutes:.0f} minutes) held {grown.first / 1e6:.0f} MB once its caches "
        f"were full and {grown.last / 1e6:.0f} MB at last ({grown.slope / 1e6:+.2f} MB a minute)"
    )


def _table(result: Result) -> list[str]:
    head = ["| " + " | ".join(_COLUMNS) + " |", "|---|" + "--:|" * (len(_COLUMNS) - 1)]
    return head + [_row(after) for after in result.aftermaths()]


def _row(after: Aftermath) -> str:
    verdicts = after.verdicts
    bad = verdicts[Verdict.WRONG] + verdicts[Verdict.UNCLEAR] + verdicts[Verdict.HUNG]
    cells = [
        after.fault.name,
        f"{verdicts.total():,}",
        f"{verdicts[Verdict.RIGHT]:,}",
        _statuses(after.statuses, HTTPStatus.BAD_REQUEST) or "none",
        f"{verdicts[Verdict.CUT]}",
        f"**{bad}**" if bad else "0",
        f"{after.slowest:.1f} s",
        f"{after.recovery:.1f} s",
    ]
    return "| " + " | ".join(cells) + " |"


def _verdict(result: Result) -> list[str]:
    problems = result.problems()
    return ["Passed."] if not problems else ["Not passed:", "", *(f"- {problem}" for problem in problems)]
