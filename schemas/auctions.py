"""The terms of an auction: one struct per format, joined in `AuctionTerms`."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from schemas.base import Amount, Fact, Id, Millis, PositiveAmount, Quantity
from schemas.money import Currency

RELISTS_MAX: Final = 20
PRIORITY_HOLDERS_MAX: Final = 20
LICENCES_MAX: Final = 10_000
FURTHER_LICENCES_MAX: Final = 99  # that one bid may ask for beyond its first

FurtherLicences = Annotated[tuple[PositiveAmount, ...], Meta(max_length=FURTHER_LICENCES_MAX)]


class IncrementStep(Fact):
    """Below `below_minor` (None: any price) a bid must raise the price by `increment_minor`."""

    below_minor: PositiveAmount | None
    increment_minor: PositiveAmount


class SoftClose(Fact):
    """A bid in the last `window_ms` moves the end to at least `extend_by_ms` after that bid."""

    window_ms: Quantity
    extend_by_ms: Quantity
    extensions_max: Quantity


class Relist(Fact):
    """An auction that ends unsold is opened again, at most `times_max` times.

    `after_ms` lies between one round and the next, `lasts_ms` is a round's length (None: as the
    first), `price_bps` its start price as a share of the one before. Source: judicial auctions.
    """

    times_max: Annotated[int, Meta(ge=1, le=RELISTS_MAX)]
    after_ms: Millis
    price_bps: Annotated[int, Meta(ge=1, le=10_000)]
    lasts_ms: Quantity | None = None


class CommonTerms(Fact, tag_field="format", kw_only=True):
    """What every format has.

    `start_price_minor` is the least bid; below `reserve_price_minor` nothing is sold. Of equal
    bids one of `priority_ids` (优先购买权) wins, and otherwise the earlier. While a `sealed`
    auction runs, nothing public about it depends on a bid's amount.
    """

    sealed: ClassVar[bool] = False

    currency: Currency
    starts_at_ms: Millis
    ends_at_ms: Millis
    start_price_minor: PositiveAmount
    reserve_price_minor: Amount = 0
    reserve_hidden: bool = False
    priority_ids: Annotated[tuple[Id, ...], Meta(max_length=PRIORITY_HOLDERS_MAX)] = ()
    relist: Relist | None = None


class EnglishTerms(CommonTerms, tag="english"):
    """Open ascending auction with proxy maxima. A hidden reserve is shown only as met or not
    met.
    """

    increments: Annotated[tuple[IncrementStep, ...], Meta(min_length=1, max_length=50)]
    soft_close: SoftClose | None = None


class SealedFirstPriceTerms(CommonTerms, tag="sealed_first_price"):
    """The highest sealed bid wins and pays itself."""

    sealed: ClassVar[bool] = True


class SealedSecondPriceTerms(CommonTerms, tag="sealed_second_price"):
    """The highest sealed bid wins and pays the second, the reserve or the start price."""

    sealed: ClassVar[bool] = True


class DutchTerms(CommonTerms, tag="dutch"):
    """The price falls from the start price by `step_minor` every `interval_ms` down to the floor,
    and stays there; who first accepts it has bought.
    """

    step_minor: PositiveAmount
    interval_ms: Quantity
    floor_price_minor: PositiveAmount


class UniformPricing(StrEnum):
    HIGHEST_LOSING = "highest_losing"
    LOWEST_WINNING = "lowest_winning"


class LicenceTerms(CommonTerms):
    """`licences` equal licences by sealed bids, the highest units first."""

    sealed: ClassVar[bool] = True

    licences: Annotated[int, Meta(ge=1, le=LICENCES_MAX)]


class UniformTerms(LicenceTerms, tag="uniform"):
    """`licences` equal licences by sealed bids, all at one price."""

    pricing: UniformPricing = UniformPricing.HIGHEST_LOSING


class DiscriminatoryTerms(LicenceTerms, tag="discriminatory"):
    """`licences` equal licences by sealed bids, each at what was bid for it."""


AuctionTerms = (
    EnglishTerms
    | SealedFirstPriceTerms
    | SealedSecondPriceTerms
    | DutchTerms
    | UniformTerms
    | DiscriminatoryTerms
)

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
