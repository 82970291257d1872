"""What may stand in a scenario file. Reading files is not done here."""

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from schemas.base import Amount, BasisPoints, PositiveAmount, Quantity
from schemas.catalogue import Field
from schemas.money import Currency
from simulation.scenario.distributions import Distribution

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PARTIES_MAX: Final = 100_000

Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=PARTIES_MAX)]
Format = Literal["english", "sealed_first_price", "sealed_second_price", "dutch", "uniform"]


class ScenarioError(ValueError):
    """The scenario does not fit; the text says what and where."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class VenueTable(_Table, frozen=True, kw_only=True):
    currency: Currency = "CNY"
    buyer_fee_bps: BasisPoints = 0
    seller_fee_bps: BasisPoints = 0


class Agents(_Table, frozen=True, kw_only=True):
    """How many there are. `users` subscribe to metered data, `readers` ask for free data."""

    suppliers: Annotated[int, Meta(ge=1, le=PARTIES_MAX)] = 1
    buyers: Count = 0
    users: Count = 0
    readers: Count = 0


class Money(_Table, frozen=True, kw_only=True):
    """What each is given at the beginning, in minor units."""

    buyers: Distribution
    users: Distribution


class Valuation(_Table, frozen=True, kw_only=True):
    """What an auction is worth to a bidder, in minor units.

    `private` is drawn by each bidder, `common` once for each auction; the value is their mean
    weighted by `common_share`. With 0 it is private, with 1 common, between them affiliated.
    """

    private: Distribution
    common: Distribution | None = None
    common_share: Share = 0


class AuctionTable(_Table, frozen=True, kw_only=True):
    """Auctions of one listing, one after another. `start_price_minor` is the least bid, and in a
    Dutch auction the floor, from `dutch_start_minor` down.
    """

    format: Format
    value: Valuation
    every_days: Positive = 7
    lasts_hours: Positive = 48
    start_price_minor: PositiveAmount = 1
    dutch_start_minor: PositiveAmount | None = None
    increment_minor: PositiveAmount = 100
    extend_minutes: Quantity | None = None
    licences: Quantity = 1
    interest: Share = 0.02
    pricing: str = "fixed"
    reserve_minor: Amount = 0


class MeteredTable(_Table, frozen=True, kw_only=True):
    """`unit_price_minor` as in a tariff: a decimal text, such as "0.25"."""

    unit_price_minor: str
    free_units: Amount = 0
    budget_minor: PositiveAmount = 10_000


class FreeTable(_Table, frozen=True, kw_only=True):
    """With a condition each request goes through review, decision, push and evaluation."""

    condition: str = ""
    refused_share: Share = 0


class Listing(_Table, frozen=True, kw_only=True):
    """`count` data sets of one kind, spread over the suppliers; one of the three modes."""

    name_zh: str
    name_en: str
    field: Field
    count: Quantity = 1
    auction: AuctionTable | None = None
    metered: MeteredTable | None = None
    free: FreeTable | None = None

    def __post_init__(self) -> None:
        if sum(mode is not None for mode in (self.auction, self.metered, self.free)) != 1:
            raise ValueError("a listing has one of auction, metered and free")


class Strategy(_Table, frozen=True, kw_only=True):
    """Agents are given one of the strategies by weight, each with its settings."""

    strategy: str
    weight: Positive = 1
    settings: dict[str, float | str] = {}


class Use(_Table, frozen=True, kw_only=True):
    """How a metered user comes back: after `gap_hours`, `burst` times in a row, taking
    `quantity`. With a `trace`, a table of recorded use, it comes back as one of its clients did,
    over and over, and takes what was recorded unless `quantity` says otherwise.
    """

    gap_hours: Distribution | None = None
    quantity: Distribution | None = None
    trace: str = ""
    burst: Quantity = 1
    weight: Positive = 1

    def __post_init__(self) -> None:
        drawn = self.gap_hours is not None and self.quantity is not None
        recorded = bool(self.trace) and self.gap_hours is None and self.burst == 1
        if not (recorded or (drawn and not self.trace)):
            raise ValueError("a use has gap_hours and quantity, or a trace")


class Shock(_Table, frozen=True, kw_only=True):
    """From `at_day` on, for `lasts_days`, values and use in `field` (or all) are multiplied."""

    at_day: Annotated[float, Meta(ge=0)]
    lasts_days: Positive
    field: Field | None = None
    values: Positive = 1
    use: Positive = 1


class Scenario(_Table, frozen=True, kw_only=True):
    title: str
    start: str = "2025-01-01T00:00:00Z"
    days: Positive = 30
    venue: VenueTable = VenueTable()
    agents: Agents
    money: Money
    listings: Annotated[list[Listing], Meta(min_length=1)]
    bidding: tuple[Strategy, ...] = (Strategy(strategy="truthful"),)
    use: list[Use] = []
    asks_per_year: Positive = 12
    shocks: list[Shock] = []
    family_names: tuple[str, ...] = ("莫", "韦", "黄", "覃", "梁", "Lin")
    provider_names: tuple[str, ...] = ("Provider 提供方",)

    @property
    def start_ms(self) -> int:
        return round(datetime.fromisoformat(self.start).astimezone(UTC).timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        return self.start_ms + round(self.days * DAY_MS)


def check(told: dict[str, Any]) -> Scenario:
    """Raises ScenarioError naming the place, with a suggestion for an unknown key."""
    try:
        scenario = msgspec.convert(told, Scenario)
        datetime.fromisoformat(scenario.start)
    except (msgspec.ValidationError, ValueError) as error:
        raise ScenarioError(f"{error}{_suggestion(str(error))}") from error
    return scenario


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `under` with what `over` says differently; tables are merged, lists are replaced."""
    result = dict(under)
    for name, value in over.items():
        below = result.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[name] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _suggestion(error: str) -> str:
    unknown = re.search(r"unknown field `(\w+)`", error)
    if unknown is None:
        return ""
    tables = (
        Scenario,
        VenueTable,
        Agents,
        Money,
        Listing,
        AuctionTable,
        Valuation,
        MeteredTable,
        FreeTable,
        Strategy,
        Use,
        Shock,
    )
    known = {name for table in tables for name in table.__struct_fields__}
    close = get_close_matches(unknown[1], sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
