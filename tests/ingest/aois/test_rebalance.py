"""Shares in whole numbers: they add up, and rare strata gain."""

from fractions import Fraction

import numpy as np
import pytest

from ingest.aois.rebalance import largest_remainder, rebalance


def weights_of(seed: int) -> tuple[dict[str, float], int]:
    """Return some strata of very unequal sizes, equal ones among them, and how many places there are."""
    rng = np.random.default_rng(seed)
    sizes = np.round(10 ** rng.uniform(0, 5, rng.integers(1, 14))).astype(int)
    return {f"class {number}": float(size) for number, size in enumerate([*sizes, sizes[0]])}, int(
        rng.integers(0, 5000)
    )


@pytest.mark.parametrize("seed", range(30))
def test_parts_add_up_and_each_is_within_one_of_its_share(seed: int) -> None:
    weights, total = weights_of(seed)
    parts = largest_remainder(weights, total)
    assert sum(parts.values()) == total
    whole = int(sum(weights.values()))
    for name, weight in weights.items():
        assert abs(parts[name] - Fraction(total * int(weight), whole)) <= 1


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_strata_does_not_matter(seed: int) -> None:
    weights, total = weights_of(seed)
    assert largest_remainder(weights, total) == largest_remainder(dict(reversed(weights.items())), total)


def test_what_is_left_goes_to_the_largest_remainders() -> None:
    # Shares of 10: 4.7, 3.3, 2.0; the one that is left goes to the first.
    assert largest_remainder({"a": 47, "b": 33, "c": 20}, 10) == {"a": 5, "b": 3, "c": 2}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("cube-root", {"common": 100, "rare": 10}),
        ("square-root", {"common": 107, "rare": 3}),
        ("none", {"common": 110, "rare": 0}),
    ],
)
def test_roots_make_rare_strata_less_rare(how: str, expected: dict[str, int]) -> None:
    # A thousand to one: 10 to 1 by the cube root, 31.6 to 1 by the square root.
    assert rebalance({"common": 1_000_000, "rare": 1_000}, 110, how) == expected  # type: ignore[arg-type]


def test_nothing_is_shared_out_among_nothing() -> None:
    assert largest_remainder({}, 5) == {}
    assert largest_remainder({"a": 0}, 5) == {"a": 0}
