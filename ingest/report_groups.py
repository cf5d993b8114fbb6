"""Problems in groups of the same words, so that a person reads each once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.metadata import Problem


@dataclass(frozen=True)
class Alike:
    """Problems of the same words."""

    reason: str
    """The words."""
    problems: list[Problem]
    """The problems, in their order."""


def grouped(problems: Iterable[Problem]) -> list[Alike]:
    """Return problems by their words, the most frequent first."""
    by_reason: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_reason[problem.reason].append(problem)
    return sorted((Alike(*group) for group in by_reason.items()), key=lambda alike: -len(alike.problems))
