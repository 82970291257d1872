"""Prices out of bids: pure functions of numbers, one per rule."""

from collections.abc import Sequence

from schemas.auctions import IncrementStep


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
