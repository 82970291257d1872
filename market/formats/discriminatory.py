"""Discriminatory price for k equal licences: the k highest sealed units win, each pays itself.

Bids, the reserve and ties are as `licences` says. It is a tender: what a winner pays depends on no
other bid. Source: Krishna, Auction Theory, chapter 12.
"""

from typing import Final

from market.auction_state import Auction, Award
from market.formats import licences
from market.formats.placing import place_sealed
from schemas.auctions import AuctionTerms
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
    won = licences.quantities(auction, licences.ranked_units(auction))
    if not won:
        return Unsold.RESERVE_NOT_MET
    return [
        Award(
            bid=auction.standing[id],
            price_minor=sum(licences.units(auction.standing[id])[:quantity]),
            quantity=quantity,
        )
        for id, quantity in won.items()
    ]
