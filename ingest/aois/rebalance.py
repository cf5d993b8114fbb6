"""How many places each stratum gets: the roots of what there is, in whole numbers that add up."""

from collections.abc import Callable, Mapping
from math import cbrt, floor, sqrt
from types import MappingProxyType
from typing import Literal, get_args

Rebalancing = Literal["cube-root", "square-root", "none"]
"""What makes rare strata less rare."""
REBALANCINGS: tuple[Rebalancing, ...] = get_args(Rebalancing)
_ROOTS: Mapping[Rebalancing, Callable[[float], float]] = MappingProxyType(
    {"cube-root": cbrt, "square-root": sqrt, "none": float}
)


def rebalance(counts: Mapping[str, int], total: int, how: Rebalancing) -> dict[str, int]:
    """Return how many of `total` each stratum gets, given how many points of a large sample lie in it."""
    return largest_remainder({name: _ROOTS[how](count) for name, count in counts.items()}, total)


def largest_remainder(weights: Mapping[str, float], total: int) -> dict[str, int]:
    """Return whole numbers that add up to `total`, each within one of its share by weight.

    Every stratum gets its share rounded down; what is left goes one by one to the largest remainders, of equal ones to
    the first by name. The authors round shares to whole per cent before that, which need not add up.
    """
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    shares = {name: total * weight / whole for name, weight in weights.items()}
    parts = {name: floor(share) for name, share in shares.items()}
    left = total - sum(parts.values())
    for name in sorted(shares, key=lambda name: (parts[name] - shares[name], name))[:left]:
        parts[name] += 1
    return parts
