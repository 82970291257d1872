"""Dutch auction: the price falls by a step at each interval, down to the floor, and stays there.

A bid says the highest price its bidder accepts. It is refused below the price of its own time, pays
exactly that price, and ends the auction: the first in the log has bought, so there are no ties, no
priority and no reserve but the floor. Extended, the clock goes on to the floor. Source: Krishna,
Auction Theory, chapter 1; flower and fish markets.
"""

from typing import Final

from market.auction_state import Auction, Award, Bid
from market.clearing import clock_price
from market.formats.placing import placed
from schemas.auctions import AuctionTerms, DutchTerms
from schemas.base import Event
from schemas.reasons import Refusal, Unsold

ENDS_WITH_BID: Final = True
MANY_LICENCES: Final = False


def terms_fault(terms: AuctionTerms) -> Refusal | None:
    assert isinstance(terms, DutchTerms), "the table of formats leads here"
    if terms.floor_price_minor > terms.start_price_minor:
        return Refusal.AUCTION_TERMS_INVALID
    if terms.reserve_price_minor or terms.reserve_hidden or terms.priority_ids:
        return Refusal.AUCTION_TERMS_INVALID
    return None


def refuse(auction: Auction, bid: Bid) -> Refusal | None:
    enough = bid.max_price_minor >= clock_price(_terms(auction), bid.at_ms)
    return None if enough else Refusal.BID_BELOW_MINIMUM


def place(auction: Auction, bid: Bid) -> list[Event]:
    return [placed(auction, bid, clock_price(_terms(auction), bid.at_ms))]


def clear(auction: Auction) -> list[Award] | Unsold:
    return Unsold.NO_BIDS


def _terms(auction: Auction) -> DutchTerms:
    assert isinstance(auction.terms, DutchTerms), "the table of formats leads here"
    return auction.terms
