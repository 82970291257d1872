"""Zero intelligence plus (Cliff 1997), as a bidder at ascending and sealed auctions."""

from random import Random
from typing import Final

from simulation.agents.bidding import Ending, Wish, arrival, later
from simulation.lot import Lot

FIRST_MARGINS: Final = (0.05, 0.35)  # Cliff's range of margins to begin with
MOST: Final = 0.05  # by which a target lies beyond a price, of the price and of the value


class Zip:
    """Bids its value less a margin, which it learns from prices: up to the value, never above.

    A price that beat it is a shout it would like to have made: it aims above. A price it won at
    could have been lower: it aims below. It moves by `rate` of the way, with `momentum`
    (Widrow and Hoff's rule). The margin is a share of the value, so it is kept for other lots.
    """

    def __init__(self, rate: float, momentum: float) -> None:
        self._rate = rate
        self._momentum = momentum
        self._margin: float | None = None
        self._change = 0.0  # of the margin, smoothed

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = self._wish(value_minor, draw)
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        least = lot.minimum_minor(now_ms)
        if value_minor < least:
            return None
        self._aim_above(least, value_minor, draw)
        return Wish(later(lot, now_ms, draw), self._wish(value_minor, draw))

    def learn(self, lot: Lot, ending: Ending, draw: Random) -> None:
        if ending.price_minor is None or not ending.value_minor:
            return
        if ending.won:
            self._aim_below(ending.price_minor, ending.value_minor, draw)
        elif self._wish(ending.value_minor, draw) <= ending.price_minor:
            self._aim_above(ending.price_minor, ending.value_minor, draw)

    def _wish(self, value_minor: int, draw: Random) -> int:
        if self._margin is None:
            self._margin = draw.uniform(*FIRST_MARGINS)
        return int(value_minor * (1 - self._margin))

    def _aim_above(self, price_minor: int, value_minor: int, draw: Random) -> None:
        beyond = draw.uniform(0, MOST) * price_minor + draw.uniform(0, MOST) * value_minor
        self._move(price_minor + beyond, value_minor, draw)

    def _aim_below(self, price_minor: int, value_minor: int, draw: Random) -> None:
        beyond = draw.uniform(0, MOST) * price_minor + draw.uniform(0, MOST) * value_minor
        self._move(price_minor - beyond, value_minor, draw)

    def _move(self, target: float, value_minor: int, draw: Random) -> None:
        off = (self._wish(value_minor, draw) - target) / value_minor
        self._change = self._momentum * self._change + (1 - self._momentum) * self._rate * off
        assert self._margin is not None, "a wish sets the margin"
        self._margin = min(1.0, max(0.0, self._margin + self._change))
