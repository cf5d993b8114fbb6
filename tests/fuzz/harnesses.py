"""All harnesses, by name."""

from functools import cache

from tests.fuzz.files import files
from tests.fuzz.harness import Harness
from tests.fuzz.words import WORDS


@cache
def all_harnesses() -> tuple[Harness, ...]:
    """Return every harness."""
    return (*WORDS, *files())


def harness_of(name: str) -> Harness:
    """Return one harness."""
    return next(harness for harness in all_harnesses() if harness.name == name)
