"""Prices out of bids: pure functions of numbers, one per rule."""

from collections.abc import Sequence

from schemas.auctions import DutchTerms, IncrementStep, UniformPricing


def increment_at(increments: Sequence[IncrementStep], price_minor: int) -> int:
    """Return by how much a bid must raise this price."""
    for step in increments:
        if step.below_minor is None or price_minor < step.below_minor:
            return step.increment_minor
    raise AssertionError("an increment table ends with a step for every price")


def proxy_price(
    highest_minor: int,
    second_minor: int | None,
    *,
    start_price_minor: int,
    reserve_price_minor: int,
    increments: Sequence[IncrementStep],
) -> int:
    """Return what the leader of an English auction with proxy maxima would pay now.

    One increment above the second highest maximum, never above the leader's own; the start price
    while nobody else has bid; the reserve at least, once the leader's maximum has met it.
    """
    price = start_price_minor
    if second_minor is not None:
        asked = second_minor + increment_at(increments, second_minor)
        price = max(price, min(highest_minor, asked))
    if highest_minor >= reserve_price_minor:
        price = max(price, reserve_price_minor)
    return price


def uniform_price(
    units_minor: Sequence[int], licences: int, least_minor: int, pricing: UniformPricing
) -> int:
    """Return the one price of all licences; `units_minor` are the bids for one each, highest first.

    The highest losing or the lowest winning unit; `least_minor`, below which no unit wins, where
    fewer than `licences` do.
    """
    marginal = licences if pricing is UniformPricing.HIGHEST_LOSING else licences - 1
    return max([least_minor, *units_minor[marginal : marginal + 1]])


def clock_price(terms: DutchTerms, at_ms: int) -> int:
    """Return a Dutch auction's price at this time: the start price until the first interval is
    over.
    """
    steps = max(0, at_ms - terms.starts_at_ms) // terms.interval_ms
    return max(terms.floor_price_minor, terms.start_price_minor - steps * terms.step_minor)
