"""A bidder that bids best against the prices it has seen."""

from collections import defaultdict, deque
from random import Random
from typing import Final

from schemas.auctions import DutchTerms, SealedFirstPriceTerms
from simulation.agents.bidding import Ending, Wish, arrival
from simulation.lot import Lot

REMEMBERED_MAX: Final = 50  # prices of a listing


class BestResponse:
    """Where one pays one's own bid, the bid with the largest expected surplus if rivals bid as they
    did in the last auctions of the listing; `share` of the value before the first. Elsewhere its
    value, which is best whatever others do.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._prices: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=REMEMBERED_MAX))

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        wish = value_minor
        if isinstance(lot.terms, SealedFirstPriceTerms | DutchTerms):
            wish = self._best(sorted(self._prices[lot.listing_id]), value_minor)
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        return None

    def learn(self, lot: Lot, ending: Ending, draw: Random) -> None:
        least = lot.terms.start_price_minor
        price = least if ending.price_minor is None else ending.price_minor
        if ending.won:  # all that is known of the rivals is that they were below
            price = draw.randint(min(least, price), price)
        self._prices[lot.listing_id].append(price)

    def _best(self, prices: list[int], value_minor: int) -> int:
        if not prices:
            return int(value_minor * self._share)

        def expected(place: int) -> int:  # of a bid just above this price, times their number
            return (value_minor - prices[place] - 1) * (place + 1)

        best = max(range(len(prices)), key=expected)
        return prices[best] + 1 if expected(best) > 0 else int(value_minor * self._share)
