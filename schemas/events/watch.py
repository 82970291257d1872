"""Events of the market watch on the topics `index` (数据指数) and `alerts` (风险预警).

None of them is a decision: nothing follows from them by itself. Each id is made of what the event
is about, so an event that is written twice is known as one.
"""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from schemas.base import Amount, Event, Fact, Id, Millis, Quantity
from schemas.money import Currency

__all__ = [
    "AlertRaised",
    "AlertRule",
    "Figure",
    "IndexLevel",
    "IndexPointPublished",
    "MarketStatisticsPublished",
    "UseStatisticsPublished",
]

EVIDENCE_MAX: Final = 20
SUBJECTS_MAX: Final = 2

EventId = Annotated[str, Meta(min_length=1, max_length=64)]  # CloudEvents id: `matching-17`
Score = Annotated[int, Meta(ge=0, le=100)]


class IndexLevel(StrEnum):
    COMPOSITE = "composite"
    FIELD = "field"
    DATA_SET = "data_set"


class AlertRule(StrEnum):
    """The surveillance rules; `market.watch.alerts` says when each of them speaks."""

    SAME_SUPPLIER_NO_WINS = "same_supplier_no_wins"
    COMMON_CONTROL = "common_control"
    USAGE_BURST = "usage_burst"
    PRICE_JUMP = "price_jump"
    REPEATED_REFUSALS = "repeated_refusals"


class _OfWindow(Event):
    """About the time from `start_ms` up to but not including `end_ms`."""

    id: Id
    start_ms: Millis
    end_ms: Millis


class IndexPointPublished(_OfWindow):
    """The data index at the end of a day with trades, as docs/data-index.md defines it.

    `key` is the field or the data set, empty for the composite. `value_e6` is in millionths of an
    index point: 100 points, 100_000_000, at `base_ms`. The prices are compared with those at
    `linked_ms`; of `basket` items `priced` were traded in the window.
    """

    level: IndexLevel
    key: str
    currency: Currency
    value_e6: Amount
    base_ms: Millis
    linked_ms: Millis
    basket: Quantity
    priced: Amount


class Figure(Fact):
    """Money in one currency."""

    currency: Currency
    amount_minor: Amount


class MarketStatisticsPublished(_OfWindow):
    """Deals of a day, or of the seven days up to its end. `volume` is what was paid or, for metered
    use, prepaid. With `capped` there were more parties than are counted.
    """

    free: Amount
    metered: Amount
    auctioned: Amount
    licences: Amount
    bids: Amount
    refused: Amount
    buyers: Amount
    suppliers: Amount
    bidders: Amount
    data_sets: Amount
    volume: tuple[Figure, ...] = ()
    capped: bool = False


class UseStatisticsPublished(_OfWindow):
    """Use of a day, or of the seven days up to its end. With fewer than three buyers, `withheld`,
    the figures that would tell of one of them are left out.
    """

    buyers: Amount
    grants: Amount = 0
    uses: Amount = 0
    refused: Amount = 0
    charged: tuple[Figure, ...] = ()
    withheld: bool = False
    capped: bool = False


class AlertRaised(_OfWindow):
    """A rule has found something to look at. It is no finding of guilt and nothing follows from it
    by itself.

    `score` is 0 to 100, `subjects` are the parties, `about` a grant, trade or data set. `measured`
    stands against `usual`; what they count depends on the rule. `evidence` are ids of events.
    """

    rule: AlertRule
    score: Score
    subjects: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=SUBJECTS_MAX)]
    evidence: Annotated[tuple[EventId, ...], Meta(min_length=1, max_length=EVIDENCE_MAX)]
    measured: Amount
    usual: Amount
    about: str = ""
