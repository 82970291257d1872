"""English auction with proxy maxima: open, ascending, the leader pays one increment above the next.

A stranger must bid at least the price plus its increment. The leader may raise their own maximum,
which moves the price only where the old maximum was capping it. Ties go to the earlier bid. A
holder of a priority right may match: they need bid no more than the price, and lead on equal
maxima, as in judicial auctions.
"""

from typing import Final

from market.auction_state import Auction, Award, Bid
from market.clearing import increment_at, proxy_price
from market.formats.placing import outbid, placed, strength, superseded
from schemas.auctions import AuctionTerms, EnglishTerms
from schemas.base import Event
from schemas.events import BidPlaced
from schemas.reasons import Refusal, Unsold

ENDS_WITH_BID: Final = False
MANY_LICENCES: Final = False


def terms_fault(terms: AuctionTerms) -> Refusal | None:
    assert isinstance(terms, EnglishTerms), "the table of formats leads here"
    bounds = [step.below_minor for step in terms.increments]
    open_ended = bounds and bounds[-1] is None
    closed = [bound for bound in bounds if bound is not None]
    if not open_ended or len(closed) != len(bounds) - 1 or closed != sorted(set(closed)):
        return Refusal.AUCTION_TERMS_INVALID
    return None


def refuse(auction: Auction, bid: Bid) -> Refusal | None:
    leader = _leader(auction)
    if leader is not None and leader.bidder_id == bid.bidder_id:
        above = bid.max_price_minor > leader.max_price_minor
        return None if above else Refusal.BID_NOT_ABOVE_OWN
    enough = bid.max_price_minor >= minimum_next_minor(auction, bid.bidder_id)
    return None if enough else Refusal.BID_BELOW_MINIMUM


def place(auction: Auction, bid: Bid) -> list[Event]:
    leader = _leader(auction)
    if leader is None:
        return [_placed(auction, bid, bid.max_price_minor, None)]
    rival = auction.rival_minor
    if leader.bidder_id == bid.bidder_id:
        raised = _placed(auction, bid, bid.max_price_minor, rival)
        return [raised, superseded(auction, leader, bid)]
    highest, second = leader, bid
    above = bid.max_price_minor - leader.max_price_minor
    if above > 0 or (above == 0 and strength(auction, bid) > strength(auction, leader)):
        highest, second = bid, leader
    runner_up = max(second.max_price_minor, rival or 0)
    taken = _placed(auction, bid, highest.max_price_minor, runner_up)
    return [taken, outbid(auction, second, taken)]


def clear(auction: Auction) -> list[Award] | Unsold:
    leader = _leader(auction)
    if leader is None:
        return Unsold.NO_BIDS
    if leader.max_price_minor < auction.terms.reserve_price_minor:
        return Unsold.RESERVE_NOT_MET
    return [Award(bid=leader, price_minor=auction.price_minor)]


def minimum_next_minor(auction: Auction, bidder_id: str) -> int:
    """Return the least this bidder must bid now, unless they lead."""
    if not auction.standing:
        return auction.terms.start_price_minor
    if bidder_id in auction.terms.priority_ids:
        return auction.price_minor
    terms = auction.terms
    assert isinstance(terms, EnglishTerms), "the table of formats leads here"
    return auction.price_minor + increment_at(terms.increments, auction.price_minor)


def _leader(auction: Auction) -> Bid | None:
    return next(iter(auction.standing.values()), None)


def _placed(auction: Auction, bid: Bid, highest_minor: int, second_minor: int | None) -> BidPlaced:
    terms = auction.terms
    assert isinstance(terms, EnglishTerms), "the table of formats leads here"
    price = proxy_price(
        highest_minor,
        second_minor,
        start_price_minor=terms.start_price_minor,
        reserve_price_minor=terms.reserve_price_minor,
        increments=terms.increments,
    )
    return placed(auction, bid, price)
