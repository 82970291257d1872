"""The terms of an auction: one struct per format, joined in `AuctionTerms`."""

from typing import Annotated

from msgspec import Meta

from schemas.base import Amount, Fact, Millis, PositiveAmount, Quantity
from schemas.money import Currency


class IncrementStep(Fact):
    """Below `below_minor` (None: any price) a bid must raise the price by `increment_minor`."""

    below_minor: PositiveAmount | None
    increment_minor: PositiveAmount


class SoftClose(Fact):
    """A bid in the last `window_ms` moves the end to at least `extend_by_ms` after that bid."""

    window_ms: Quantity
    extend_by_ms: Quantity
    extensions_max: Quantity


class EnglishTerms(Fact, tag_field="format", tag="english"):
    """Open ascending auction with proxy maxima. A hidden reserve is shown only as met or not
    met.
    """

    currency: Currency
    starts_at_ms: Millis
    ends_at_ms: Millis
    start_price_minor: PositiveAmount
    increments: Annotated[tuple[IncrementStep, ...], Meta(min_length=1, max_length=50)]
    reserve_price_minor: Amount = 0
    reserve_hidden: bool = False
    soft_close: SoftClose | None = None


AuctionTerms = EnglishTerms

_EBAY_2003 = (
    (100, 5),
    (500, 25),
    (2_500, 50),
    (10_000, 100),
    (25_000, 250),
    (50_000, 500),
    (100_000, 1_000),
    (250_000, 2_500),
    (500_000, 5_000),
    (None, 10_000),
)
INCREMENT_TABLES: dict[str, tuple[IncrementStep, ...]] = {
    "ebay-2003": tuple(
        IncrementStep(below_minor=below, increment_minor=increment)
        for below, increment in _EBAY_2003
    ),
    "one-minor": (IncrementStep(below_minor=None, increment_minor=1),),
}
