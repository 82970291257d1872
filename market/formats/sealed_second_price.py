"""Sealed second price: the highest sealed bid wins and pays the second, at least the reserve and
the start price; a sole bidder pays these.

Replacing a bid, ties and the reserve are as in `sealed_first_price`. Source: Vickrey 1961.
"""

from typing import Final

from market.auction_state import Auction, Award
from market.clearing import uniform_price
from market.formats.placing import least_minor, place_sealed, refuse_sealed, winner
from schemas.auctions import AuctionTerms, UniformPricing
from schemas.reasons import Refusal, Unsold

ENDS_WITH_BID: Final = False
MANY_LICENCES: Final = False
refuse = refuse_sealed
place = place_sealed


def terms_fault(terms: AuctionTerms) -> Refusal | None:
    return None


def clear(auction: Auction) -> list[Award] | Unsold:
    best = winner(auction)
    if isinstance(best, Unsold):
        return best
    ranked = sorted((bid.max_price_minor for bid in auction.standing.values()), reverse=True)
    price = uniform_price(ranked, 1, least_minor(auction), UniformPricing.HIGHEST_LOSING)
    return [Award(bid=best, price_minor=price)]
