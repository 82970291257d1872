"""Clearings on the bids of a published example: no venue, no chance, one number each."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

from market.call_market import Cleared, Crossing, Level, crossing, k_double_auction
from market.digital_goods import best_single_price, random_sampling
from market.packages import PackageBid, vickrey_clarke_groves
from simulation.chance import Chance
from simulation.theory.estimates import Estimate


class Worked(NamedTuple):
    """`clear` on the inputs of an example; both must be plain values, for other processes."""

    clear: Callable[..., Any]
    inputs: tuple[Any, ...]

    def run(self, chance: Chance, auctions: int) -> Any:
        return self.clear(*self.inputs)


# --- what is cleared --------------------------------------------------------------------------


def vickrey_units(bids: Sequence[Sequence[int]], licences: int) -> list[int]:
    """Return what each bidder pays for what they win: the others' units that it keeps out."""
    most = _worth(bids, licences)
    return [
        _worth([*bids[:bidder], *bids[bidder + 1 :]], licences)
        - (most - _won(bids, licences, bidder))
        for bidder in range(len(bids))
    ]


def packages_pay(*bids: tuple[str, str, int]) -> list[int]:
    """Return the prices of bids (bidder, a letter for each item, value) that win."""
    awards = vickrey_clarke_groves([PackageBid(who, frozenset(it), n) for who, it, n in bids])
    return [award.price_minor for award in awards]


def book(bids: str, asks: str) -> Crossing | None:
    """Clear a book written as "price:quantity price:quantity"."""
    demand, supply = ([Level(*map(int, one.split(":"))) for one in s.split()] for s in (bids, asks))
    return crossing(demand, supply)


def externalities(values: Sequence[int], costs: Sequence[int]) -> Cleared:
    """Return the efficient trades at externality prices: buyers pay the least price at which they
    would all trade, sellers get the greatest.
    """
    low, high = k_double_auction(values, costs, 0), k_double_auction(values, costs, 10_000)
    assert low is not None, "an example trades"
    assert high is not None, "an example trades"
    return Cleared(low.trades, low.buyers_pay_minor, high.sellers_get_minor)


def over_all_coins(bids: Sequence[int]) -> Fraction:
    """Return the mean revenue of random sampling, each outcome of the coins once."""
    named = {str(place): bid for place, bid in enumerate(bids)}
    flips = list(product([False, True], repeat=len(bids)))
    paid = [random_sampling(named, dict(zip(named, flip, strict=True))) for flip in flips]
    return Fraction(sum(sum(one.values()) for one in paid), len(flips))


def best_single_revenue(bids: Sequence[int]) -> int:
    price = best_single_price(bids)
    return 0 if price is None else price * sum(bid >= price for bid in bids)


# --- what is looked at ------------------------------------------------------------------------


def number(result: Any) -> Estimate:
    return Estimate(float(result))


def total(results: Sequence[int]) -> Estimate:
    return Estimate(sum(results))


def at(place: int) -> Callable[[Sequence[int]], Estimate]:
    return lambda results: Estimate(results[place])


def part(name: str, unit: int = 1) -> Callable[[Any], Estimate]:
    return lambda result: Estimate(getattr(result, name) / unit)


def deficit(cleared: Cleared) -> Estimate:
    return Estimate(cleared.trades * (cleared.sellers_get_minor - cleared.buyers_pay_minor))


def _won(bids: Sequence[Sequence[int]], licences: int, bidder: int) -> int:
    ranked = sorted(((unit, -who) for who, units in enumerate(bids) for unit in units))[-licences:]
    return sum(unit for unit, who in ranked if -who == bidder)


def _worth(bids: Sequence[Sequence[int]], licences: int) -> int:
    return sum(sorted(unit for units in bids for unit in units)[-licences:])
