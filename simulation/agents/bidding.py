"""What a strategy is. It knows its own value, the public lot and its own randomness.

`begin` says when and how much to bid first; `outbid` what to do when one no longer leads, or when
the price has passed what one was about to bid.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple, Protocol, runtime_checkable

from schemas.auctions import DutchTerms
from simulation.lot import Lot

MINUTE_MS: Final = 60_000
Settings = Mapping[str, float | str]


class Wish(NamedTuple):
    """A bid to place at a time, if it is enough then. What is under one minor unit is no bid."""

    at_ms: int
    max_price_minor: int


class Bidding(Protocol):
    """`draw` is the bidder's own randomness; `now_ms` the market's time."""

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None: ...

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None: ...


class Ending(NamedTuple):
    """What an auction came to: the price of a licence, or None when nothing was sold."""

    value_minor: int
    won: bool
    price_minor: int | None


@runtime_checkable
class Learning(Protocol):
    """A strategy that is told how each auction it took an interest in ended."""

    def learn(self, lot: Lot, ending: Ending, draw: Random) -> None: ...


Maker = Callable[[Settings], Bidding]


def arrival(lot: Lot, wish_minor: int, now_ms: int, draw: Random) -> int:
    """Return when to bid: at any time before the end; at a falling price, when it has come."""
    terms = lot.terms
    if isinstance(terms, DutchTerms):
        steps = max(0, -(-(terms.start_price_minor - wish_minor) // terms.step_minor))
        return max(now_ms, min(terms.starts_at_ms + steps * terms.interval_ms, lot.ends_at_ms - 1))
    return draw.randint(now_ms, max(now_ms, lot.ends_at_ms - 1))


def later(lot: Lot, now_ms: int, draw: Random) -> int:
    """Return a time soon after now, as people answer: within a tenth of what is left."""
    return now_ms + 1 + draw.randint(0, max(0, (lot.ends_at_ms - now_ms) // 10))


def number(settings: Settings, name: str, usual: float) -> float:
    """Raises ValueError when the setting is no number."""
    return float(settings.get(name, usual))
