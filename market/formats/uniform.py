"""Uniform price for k equal licences: sealed bids, the k highest units win, all pay one price.

A bid says what the first licence is worth at most and, never rising, each further one. A unit is
worth at least the start price, and wins only from the reserve on; equal units go to a holder of a
priority right, then to the earlier bid. The price is the highest losing unit (or, if the terms say
so, the lowest winning one); with demand below k it is the reserve, at least the start price.
What a bid asks for in all is reserved with its fee, so that nobody can owe whatever the price is.
Source: Krishna, Auction Theory, chapter 12.
"""

from itertools import pairwise
from typing import Final

from market.auction_state import Auction, Award, Bid
from market.clearing import uniform_price
from market.formats.placing import least_minor, place_sealed, refuse_sealed
from schemas.auctions import AuctionTerms, UniformTerms
from schemas.reasons import Refusal, Unsold

ENDS_WITH_BID: Final = False
MANY_LICENCES: Final = True
place = place_sealed


def terms_fault(terms: AuctionTerms) -> Refusal | None:
    return None


def refuse(auction: Auction, bid: Bid) -> Refusal | None:
    units = _units(bid)
    falling = all(before >= after for before, after in pairwise(units))
    if not falling or len(units) > _terms(auction).licences:
        return Refusal.BID_DOES_NOT_FIT
    return refuse_sealed(auction, bid)


def clear(auction: Auction) -> list[Award] | Unsold:
    if not auction.standing:
        return Unsold.NO_BIDS
    terms, least = _terms(auction), least_minor(auction)
    ranked = sorted(
        ((unit, bid) for bid in auction.standing.values() for unit in _units(bid)),
        key=lambda ranked: (ranked[0], ranked[1].bidder_id in terms.priority_ids),
        reverse=True,
    )
    won: dict[str, int] = {}
    for unit, bid in ranked[: terms.licences]:
        if unit >= least:
            won[bid.id] = won.get(bid.id, 0) + 1
    if not won:
        return Unsold.RESERVE_NOT_MET
    price = uniform_price([unit for unit, _ in ranked], terms.licences, least, terms.pricing)
    return [
        Award(bid=auction.standing[id], price_minor=price * quantity, quantity=quantity)
        for id, quantity in won.items()
    ]


def _units(bid: Bid) -> tuple[int, ...]:
    return bid.max_price_minor, *bid.further_minor


def _terms(auction: Auction) -> UniformTerms:
    assert isinstance(auction.terms, UniformTerms), "the table of formats leads here"
    return auction.terms
