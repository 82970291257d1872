"""Bidders who do not bid for themselves alone. Their role is ground truth in the table of bids."""

from collections import defaultdict
from collections.abc import Iterable
from random import Random
from typing import ClassVar

from schemas.auctions import EnglishTerms, SealedSecondPriceTerms
from simulation.agents.bidding import Bidding, Ending, Wish, arrival, later
from simulation.lot import Lot


class Shill:
    """Bids on the supplier's side so that others pay more, up to `share` of what it guesses the lot
    is worth, always by the least that is enough. To itself it is worth nothing.
    """

    role: ClassVar = "shill"

    def __init__(self, share: float) -> None:
        self._share = share

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        most = int(value_minor * self._share)
        match lot.terms:
            case EnglishTerms() if most >= lot.terms.start_price_minor:
                half_ms = (lot.ends_at_ms - now_ms) // 2
                return Wish(now_ms + draw.randint(0, half_ms), lot.terms.start_price_minor)
            case SealedSecondPriceTerms():
                return Wish(arrival(lot, most, now_ms, draw), most)
        return None

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        least = lot.minimum_minor(now_ms)
        enough = least <= int(value_minor * self._share)
        return Wish(later(lot, now_ms, draw), least) if enough else None


class Ring:
    """Members of a `ring` agree before each auction: who values it most bids the value, the others
    `cover` of theirs, for show, and never answer (Graham and Marshall 1987).
    """

    role: ClassVar = "ring"

    def __init__(self, ring: str, cover: float) -> None:
        self.ring = ring
        self._cover = cover
        self._covering: set[str] = set()

    def stand_back(self, auction_id: str) -> None:
        self._covering.add(auction_id)

    def begin(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        covers = lot.auction_id in self._covering
        wish = int(value_minor * self._cover) if covers else value_minor
        return Wish(arrival(lot, wish, now_ms, draw), wish)

    def outbid(self, lot: Lot, value_minor: int, now_ms: int, draw: Random) -> Wish | None:
        return None

    def learn(self, lot: Lot, ending: Ending, draw: Random) -> None:
        self._covering.discard(lot.auction_id)


def agree(auction_id: str, entrants: Iterable[tuple[Bidding, int]]) -> None:
    """Let the members of each ring who are among the entrants leave the auction to the one with the
    highest value.
    """
    rings: dict[str, list[tuple[Ring, int]]] = defaultdict(list)
    for bidding, value_minor in entrants:
        if isinstance(bidding, Ring):
            rings[bidding.ring].append((bidding, value_minor))
    for members in rings.values():
        serious, _ = max(members, key=lambda member: member[1])
        for member, _ in members:
            if member is not serious:
                member.stand_back(auction_id)
