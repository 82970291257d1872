"""Sealed first price: nobody sees a bid before the end; the highest wins and pays itself.

A bid may be replaced until the end, up or down; the time of the last counts. Of equal bids a holder
of a priority right wins, then the earlier. Below the reserve, open or hidden, nothing is sold.
Source: Vickrey 1961; Krishna, Auction Theory, chapter 2.
"""

from typing import Final

from market.auction_state import Auction, Award
from market.formats.placing import place_sealed, refuse_sealed, winner
from schemas.auctions import AuctionTerms
from schemas.reasons import Refusal, Unsold

ENDS_WITH_BID: Final = False
MANY_LICENCES: Final = False
refuse = refuse_sealed
place = place_sealed


def terms_fault(terms: AuctionTerms) -> Refusal | None:
    return None


def clear(auction: Auction) -> list[Award] | Unsold:
    best = winner(auction)
    return best if isinstance(best, Unsold) else [Award(bid=best, price_minor=best.max_price_minor)]
