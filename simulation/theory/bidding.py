"""What bidders with private values bid, in minor units; None is no bid at all.

Each takes the value, how many bid, and the reserve price.
"""

from collections.abc import Callable

Strategy = Callable[[int, int, int], int | None]


def truthful(value_minor: int, bidders: int, reserve_minor: int) -> int:
    return value_minor


def shaded(value_minor: int, bidders: int, reserve_minor: int) -> int | None:
    """Bid as if the second value were known: the equilibrium of a first price auction.

    Below the reserve r nobody bids; from there on it is v - (v^n - r^n) / (n v^(n-1)), which is
    (n-1)/n v without a reserve. Riley and Samuelson 1981.
    """
    n, v, r = bidders, value_minor, reserve_minor
    if v < r:
        return None
    shade = int(v**n - r**n) // int(n * v ** (n - 1))
    return max(1, v - shade)
