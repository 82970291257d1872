"""How buyers bid: strategies, each a few lines. A strategy knows its own value and the public lot.

`begin` says when and how much to bid first; `outbid` what to do when one no longer leads.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple, Protocol

from schemas.auctions import DutchTerms
from simulation.kernel import Lot

MINUTE_MS: Final = 60_000
Settings = Mapping[str, float | str]


class Wish(NamedTuple):
    """A bid to place at a time. What is under one minor unit is no bid."""

    at_ms: int
    max_price_minor: int


class Bidding(Protocol):
    """`draw` is the bidder's own randomness; `now_ms` the market's time."""

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None: ...

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None: ...


class Fraction:
    """Bids `share` of the value once, at some time before the end; 1 is truthful."""

    def __init__(self, share: float) -> None:
        self._share = share

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = int(value_minor * self._share)
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        return None


class Shading(Fraction):
    """Equilibrium of a first-price auction with `bidders` uniform values: (n - 1) / n of it."""

    def __init__(self, bidders: float) -> None:
        super().__init__((bidders - 1) / bidders)


class ZeroIntelligence:
    """Zero intelligence (Gode and Sunder 1993): bids anything up to `ceiling` times the value;
    with 1 it is constrained and never loses.
    """

    def __init__(self, ceiling: float) -> None:
        self._ceiling = ceiling

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = int(value_minor * self._ceiling * draw.random())
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = int(value_minor * self._ceiling * draw.random())
        return Wish(later(lot, now_ms, draw), wish) if wish > lot.price_minor else None


class Sniper(Fraction):
    """Bids its value once, in the last `minutes` before the end."""

    def __init__(self, minutes: float) -> None:
        super().__init__(1)
        self._window_ms = round(minutes * MINUTE_MS)

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        left_ms = max(0, lot.ends_at_ms - 1 - now_ms)
        return Wish(
            lot.ends_at_ms - 1 - draw.randint(0, min(self._window_ms, left_ms)), value_minor
        )


class Incremental:
    """Raises the price by `step` of its value whenever outbid, up to the value."""

    def __init__(self, step: float) -> None:
        self._step = step

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = min(value_minor, lot.terms.start_price_minor + int(value_minor * self._step))
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = min(value_minor, lot.price_minor + 1 + int(value_minor * self._step))
        return Wish(later(lot, now_ms, draw), wish) if wish > lot.price_minor else None


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


def _number(settings: Settings, name: str, usual: float) -> float:
    return float(settings.get(name, usual))


# By name: makes the strategy from its settings in the scenario.
Maker = Callable[[Settings], Bidding]
BIDDING: Final[dict[str, Maker]] = {
    "truthful": lambda settings: Fraction(1),
    "fixed_fraction": lambda settings: Fraction(_number(settings, "share", 0.8)),
    "shading": lambda settings: Shading(_number(settings, "bidders", 5)),
    "zi_c": lambda settings: ZeroIntelligence(1),
    "zi_u": lambda settings: ZeroIntelligence(_number(settings, "ceiling", 2)),
    "sniper": lambda settings: Sniper(_number(settings, "minutes", 5)),
    "incremental": lambda settings: Incremental(_number(settings, "step", 0.1)),
}
