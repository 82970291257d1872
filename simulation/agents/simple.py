"""Strategies without memory: a share of the value, at random, late, or step by step."""

from random import Random

from schemas.auctions import DutchTerms, EnglishTerms
from simulation.agents.bidding import MINUTE_MS, Wish, arrival, later
from simulation.lot import Lot


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
    """Zero intelligence (Gode and Sunder 1993): anything that improves on the price, up to
    `ceiling` times the value. With 1 it is constrained: it never bids above its value.
    """

    def __init__(self, ceiling: float) -> None:
        self._ceiling = ceiling

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        most = int(value_minor * self._ceiling)
        least = 1 if isinstance(lot.terms, DutchTerms) else lot.terms.start_price_minor
        if most < least:
            return None
        wish = draw.randint(least, most)
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        least, most = lot.minimum_minor(now_ms), int(value_minor * self._ceiling)
        if most < least:
            return None
        return Wish(later(lot, now_ms, draw), draw.randint(least, most))


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
    """Raises the price by `step` of its value whenever outbid, up to the value. Where nobody can
    answer, it bids its value less a step.
    """

    def __init__(self, step: float) -> None:
        self._step = step

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        step = int(value_minor * self._step)
        wish = value_minor - step
        if isinstance(lot.terms, EnglishTerms):
            wish = min(value_minor, lot.terms.start_price_minor + step)
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        least = lot.minimum_minor(now_ms)
        if value_minor < least:
            return None
        wish = min(value_minor, max(least, lot.price_minor + int(value_minor * self._step)))
        return Wish(later(lot, now_ms, draw), wish)
