"""A bidder with a budget for the whole run, spent evenly."""

from random import Random

from simulation.agents.bidding import Ending, Wish, arrival
from simulation.lot import Lot


class BudgetPaced:
    """Bids its value divided by one plus a multiplier, which rises when it has spent more than
    `budget_minor / auctions` on an auction and falls when less (adaptive pacing, Balseiro and Gur
    2019). Bids that stand never come to more than what is left, fees aside.
    """

    def __init__(self, budget_minor: float, auctions: float, step: float) -> None:
        self._left = int(budget_minor)
        self._target = budget_minor / auctions
        self._step = step
        self._multiplier = 0.0
        self._pledged: dict[str, int] = {}

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        free = self._left - sum(self._pledged.values())
        wish = min(int(value_minor / (1 + self._multiplier)), free)
        if wish < lot.terms.start_price_minor:
            return None
        self._pledged[lot.auction_id] = wish
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        self._pledged.pop(lot.auction_id, None)
        return None

    def learn(self, lot: Lot, ending: Ending, draw: Random) -> None:
        self._pledged.pop(lot.auction_id, None)
        spent = ending.price_minor or 0 if ending.won else 0
        self._left -= spent
        self._multiplier = max(0.0, self._multiplier + self._step * (spent / self._target - 1))
