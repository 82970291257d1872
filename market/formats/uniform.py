"""Uniform price for k equal licences: sealed bids, the k highest units win, all pay one price.

Bids, the reserve and ties are as `licences` says. The price is the highest losing unit (or, if the
terms say so, the lowest winning one); with demand below k it is the reserve, at least the start
price. Source: Krishna, Auction Theory, chapter 12.
"""

from typing import Final

from market.auction_state import Auction, Award
from market.clearing import uniform_price
from market.formats import licences
from market.formats.placing import least_minor, place_sealed
from schemas.auctions import AuctionTerms, UniformTerms
from schemas.reasons import Refusal, Unsold

ENDS_WITH_BID: Final = False
MANY_LICENCES: Final = True
refuse = licences.refuse
place = place_sealed


def terms_fault(terms: AuctionTerms) -> Refusal | None:
    return None


def clear(auction: Auction) -> list[Award] | Unsold:
    if not auction.standing:
        return Unsold.NO_BIDS
    terms = auction.terms
    assert isinstance(terms, UniformTerms), "the table of formats leads here"
    ranked = licences.ranked_units(auction)
    won = licences.quantities(auction, ranked)
    if not won:
        return Unsold.RESERVE_NOT_MET
    worth, least = [unit for unit, _ in ranked], least_minor(auction)
    price = uniform_price(worth, terms.licences, least, terms.pricing)
    return [
        Award(bid=auction.standing[id], price_minor=price * quantity, quantity=quantity)
        for id, quantity in won.items()
    ]
