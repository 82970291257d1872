"""Call market: many asks and many bids for equal licences, cleared at once at one price.

`crossing` finds the price of a book: the greatest volume, then the smallest surplus (what is left
unfilled at that price), then pressure (surplus on the side of demand takes the highest such price,
on that of supply the lowest), then the price nearest to the reference, the lower of two. Source:
the opening auctions of exchanges.

`k_double_auction` matches the highest values with the lowest costs while the value is at least the
cost; all pay one price between the bounds that this leaves. It is efficient and balanced, but not
truthful. `mcafee` is truthful and never runs a deficit, and may give up the last trade: if the mean
of the first pair left out lies between the last pair's cost and value, all trade at it; otherwise
the last pair trades nothing, its value is what buyers pay, its cost what sellers get. Sources:
Wilson 1985; McAfee 1992.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final, NamedTuple

BPS: Final = 10_000


class Level(NamedTuple):
    """One side's demand for, or supply of, `quantity` licences at one limit."""

    price_minor: int
    quantity: int


class Crossing(NamedTuple):
    """`surplus` is demand less supply at the price: negative where supply is left."""

    price_minor: int
    volume: int
    surplus: int


class Cleared(NamedTuple):
    """The `trades` highest values trade with as many lowest costs."""

    trades: int
    buyers_pay_minor: int
    sellers_get_minor: int


def crossing(
    bids: Sequence[Level], asks: Sequence[Level], reference_minor: int = 0
) -> Crossing | None:
    """Return the price of the book, one of its limits; None where nothing trades."""
    limits = sorted({level.price_minor for level in [*bids, *asks]})
    found = [_at(price, bids, asks) for price in limits]
    volume = max((each.volume for each in found), default=0)
    if volume == 0:
        return None
    best = [each for each in found if each.volume == volume]
    least = min(abs(each.surplus) for each in best)
    best = [each for each in best if abs(each.surplus) == least]
    if all(each.surplus > 0 for each in best):
        return best[-1]
    if all(each.surplus < 0 for each in best):
        return best[0]
    return min(best, key=lambda each: (abs(each.price_minor - reference_minor), each.price_minor))


def k_double_auction(
    values_minor: Sequence[int], costs_minor: Sequence[int], k_bps: int = 5_000
) -> Cleared | None:
    """Return the trades at `k_bps` of the way from the least possible price to the greatest,
    rounded down; None where no value reaches a cost.
    """
    values, costs, trades = _pairs(values_minor, costs_minor)
    if trades == 0:
        return None
    low = max([costs[trades - 1], *values[trades : trades + 1]])
    high = min([values[trades - 1], *costs[trades : trades + 1]])
    price = low + (high - low) * k_bps // BPS
    return Cleared(trades, price, price)


def mcafee(values_minor: Sequence[int], costs_minor: Sequence[int]) -> Cleared | None:
    """Return the trades and both prices; a mean that is no whole minor unit is rounded down."""
    values, costs, trades = _pairs(values_minor, costs_minor)
    if trades == 0:
        return None
    value, cost = values[trades - 1], costs[trades - 1]
    if trades < min(len(values), len(costs)):
        twice = values[trades] + costs[trades]
        if 2 * cost <= twice <= 2 * value:
            return Cleared(trades, twice // 2, twice // 2)
    return Cleared(trades - 1, value, cost) if trades > 1 else None


def _at(price: int, bids: Sequence[Level], asks: Sequence[Level]) -> Crossing:
    demand = sum(level.quantity for level in bids if level.price_minor >= price)
    supply = sum(level.quantity for level in asks if level.price_minor <= price)
    return Crossing(price, min(demand, supply), demand - supply)


def _pairs(values: Sequence[int], costs: Sequence[int]) -> tuple[list[int], list[int], int]:
    high, low = sorted(values, reverse=True), sorted(costs)
    trading = takewhile(lambda pair: pair[0] >= pair[1], zip(high, low, strict=False))
    return high, low, sum(1 for _ in trading)
