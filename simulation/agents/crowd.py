"""All buyers together: who of them takes an interest in an auction, and what it is worth to each.

Both are drawn by the auction, apart from what anybody does: another strategy meets the same values.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from schemas import events as e
from schemas.base import Event
from simulation.agents.buyers import Buyer
from simulation.agents.collusion import Shill, agree
from simulation.kernel import Desk


class Market(NamedTuple):
    """What a listing's auctions are to buyers: the share of them that is interested, and what it is
    worth, in minor units, to a buyer by id, auction and time, drawn from the given randomness.
    """

    interest: float
    value: Callable[[str, int, Random], int]


Member = tuple[Buyer, Desk]


class Crowd:
    """No party, but what tells buyers of auctions. `members` are in a fixed order; `shills` are
    those of them who are on the side of a listing's supplier, and take no interest elsewhere.
    """

    name = "crowd"

    def __init__(
        self,
        markets: dict[str, Market],
        members: Sequence[Member],
        shills: Mapping[str, Sequence[Member]] = MappingProxyType({}),
    ) -> None:
        self._markets = markets
        self._members = members
        self._shills = shills

    def wake(self, desk: Desk) -> None:
        for listing_id in self._markets:
            desk.follow(listing_id)

    def hear(self, event: Event, desk: Desk) -> None:
        if not isinstance(event, e.AuctionOpened):
            return
        market = self._markets[event.listing_id]
        draw = desk.stream(event.id, "interest")
        numbers = chosen(len(self._members), market.interest, draw)
        interested = [self._members[number] for number in numbers]
        honest = [one for one in interested if not isinstance(one[0].bidding, Shill)]
        entrants = [
            (buyer, own, market.value(event.id, desk.now_ms, own.stream(event.id, "value")))
            for buyer, own in (*honest, *self._shills.get(event.listing_id, ()))
        ]
        agree(event.id, ((buyer.bidding, value) for buyer, _, value in entrants))
        for buyer, own, value in entrants:
            if not isinstance(buyer.bidding, Shill):
                own.note_value(event.id, value)
            buyer.consider(event.id, value, own)


def chosen(count: int, share: float, draw: Random) -> Iterator[int]:
    """Yield each of the first `count` numbers with probability `share`, drawing only as often as
    one is chosen: the gaps between them are geometric. More numbers do not change the first ones.
    """
    if share <= 0:
        return
    number = -1
    while True:
        skipped = 0 if share >= 1 else int(log(1 - draw.random()) / log(1 - share))
        number += 1 + skipped
        if number >= count:
            return
        yield number
