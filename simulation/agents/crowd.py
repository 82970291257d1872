"""All buyers together: who of them takes an interest in an auction, and what it is worth to each.

Both are drawn by the auction, apart from what anybody does: another strategy meets the same values.
"""

from collections.abc import Callable, Iterator, Sequence
from math import log
from random import Random
from typing import NamedTuple

from schemas import events as e
from schemas.base import Event
from simulation.agents.buyers import Buyer
from simulation.kernel import Desk


class Market(NamedTuple):
    """What a listing's auctions are to buyers: the share of them that is interested, and what it is
    worth, in minor units, to a buyer by id, auction and time, drawn from the given randomness.
    """

    interest: float
    value: Callable[[str, int, Random], int]


class Crowd:
    """No party, but what tells buyers of auctions. `members` are in a fixed order."""

    name = "crowd"

    def __init__(self, markets: dict[str, Market], members: Sequence[tuple[Buyer, Desk]]) -> None:
        self._markets = markets
        self._members = members

    def wake(self, desk: Desk) -> None:
        for listing_id in self._markets:
            desk.follow(listing_id)

    def hear(self, event: Event, desk: Desk) -> None:
        if not isinstance(event, e.AuctionOpened):
            return
        market = self._markets[event.listing_id]
        draw = desk.stream(event.id, "interest")
        for number in chosen(len(self._members), market.interest, draw):
            buyer, own = self._members[number]
            value = market.value(event.id, desk.now_ms, own.stream(event.id, "value"))
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
