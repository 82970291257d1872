"""What the formats for k equal licences share: sealed bids for units, of which the k highest win.

A bid says what the first licence is worth at most and, never rising, each further one. A unit is
worth at least the start price, and wins only from the reserve on; equal units go to a holder of a
priority right, then to the earlier bid. What a bid asks for in all is reserved with its fee, so
that nobody can owe whatever the price is.
"""

from itertools import pairwise

from market.auction_state import Auction, Bid
from market.formats.placing import least_minor, refuse_sealed
from schemas.auctions import LicenceTerms
from schemas.reasons import Refusal


def refuse(auction: Auction, bid: Bid) -> Refusal | None:
    worth = units(bid)
    falling = all(before >= after for before, after in pairwise(worth))
    if not falling or len(worth) > licence_terms(auction).licences:
        return Refusal.BID_DOES_NOT_FIT
    return refuse_sealed(auction, bid)


def ranked_units(auction: Auction) -> list[tuple[int, Bid]]:
    """Return every unit with its bid, strongest first."""
    return sorted(
        ((unit, bid) for bid in auction.standing.values() for unit in units(bid)),
        key=lambda ranked: (ranked[0], ranked[1].bidder_id in auction.terms.priority_ids),
        reverse=True,
    )


def quantities(auction: Auction, ranked: list[tuple[int, Bid]]) -> dict[str, int]:
    """Return how many licences each winning bid gets, by bid, dearest first."""
    least = least_minor(auction)
    won: dict[str, int] = {}
    for unit, bid in ranked[: licence_terms(auction).licences]:
        if unit >= least:
            won[bid.id] = won.get(bid.id, 0) + 1
    return won


def units(bid: Bid) -> tuple[int, ...]:
    return bid.max_price_minor, *bid.further_minor


def licence_terms(auction: Auction) -> LicenceTerms:
    assert isinstance(auction.terms, LicenceTerms), "the table of formats leads here"
    return auction.terms
