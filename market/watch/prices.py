"""A price far from what the index makes one expect."""

from collections.abc import Iterator
from typing import Final

from market.watch.alerts import alert
from market.watch.facts import PRICE_SCALE, Seen, Traded
from schemas.events import AlertRaised, AlertRule

PRICE_FACTOR: Final = 3


def price_jump(fact: Traded, expected: int, seen: Seen) -> Iterator[AlertRaised]:
    """`expected` is the price by the index, in billionths of a minor unit; 0 when there is none."""
    price = fact.priced // fact.quantity if fact.quantity else 0
    if not price or not expected:
        return
    high, low = max(price, expected), min(price, expected)
    if high >= PRICE_FACTOR * low:
        yield alert(
            AlertRule.PRICE_JUMP,
            score=10 * high // low,
            subjects=(fact.buyer_id, fact.supplier_id),
            evidence=(seen.id,),
            span=(seen.at_ms, seen.at_ms),
            measured=price // PRICE_SCALE,
            usual=expected // PRICE_SCALE,
            about=fact.data_set_id,
        )
