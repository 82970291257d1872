"""English auction with proxy maxima: open, ascending, the leader pays one increment above the next.

A stranger must bid at least the price plus its increment. The leader may raise their own maximum,
which moves the price only where the old maximum was capping it. Ties go to the earlier bid.
"""

from market.auction_state import Auction, Award, Bid
from market.clearing import increment_at, proxy_price
from schemas.auctions import EnglishTerms
from schemas.base import Event
from schemas.events import BidOutbid, BidPlaced, BidSuperseded
from schemas.reasons import Refusal, Unsold


def terms_fault(terms: EnglishTerms) -> Refusal | None:
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
    enough = bid.max_price_minor >= minimum_next_minor(auction)
    return None if enough else Refusal.BID_BELOW_MINIMUM


def place(auction: Auction, bid: Bid) -> list[Event]:
    leader = _leader(auction)
    if leader is None:
        return [_placed(auction, bid, bid.max_price_minor, None)]
    rival = auction.rival_minor
    if leader.bidder_id == bid.bidder_id:
        placed = _placed(auction, bid, bid.max_price_minor, rival)
        return [placed, _superseded(auction, leader, bid)]
    highest, second = bid, leader
    if leader.max_price_minor >= bid.max_price_minor:
        highest, second = leader, bid
    runner_up = max(second.max_price_minor, rival or 0)
    placed = _placed(auction, bid, highest.max_price_minor, runner_up)
    return [placed, _outbid(auction, second, placed)]


def clear(auction: Auction) -> list[Award] | Unsold:
    leader = _leader(auction)
    if leader is None:
        return Unsold.NO_BIDS
    if leader.max_price_minor < auction.terms.reserve_price_minor:
        return Unsold.RESERVE_NOT_MET
    return [Award(bid=leader, price_minor=auction.price_minor)]


def minimum_next_minor(auction: Auction) -> int:
    """Return the least a stranger must bid now."""
    if not auction.standing:
        return auction.terms.start_price_minor
    return auction.price_minor + increment_at(auction.terms.increments, auction.price_minor)


def _leader(auction: Auction) -> Bid | None:
    return next(iter(auction.standing.values()), None)


def _placed(auction: Auction, bid: Bid, highest_minor: int, second_minor: int | None) -> BidPlaced:
    terms = auction.terms
    price = proxy_price(
        highest_minor,
        second_minor,
        start_price_minor=terms.start_price_minor,
        reserve_price_minor=terms.reserve_price_minor,
        increments=terms.increments,
    )
    return BidPlaced(
        at_ms=bid.at_ms,
        bid_id=bid.id,
        auction_id=auction.id,
        bidder_id=bid.bidder_id,
        max_price_minor=bid.max_price_minor,
        price_minor=price,
        buyer_fee_bps=bid.buyer_fee_bps,
        nonce=bid.nonce,
    )


def _outbid(auction: Auction, bid: Bid, by: BidPlaced) -> BidOutbid:
    return BidOutbid(
        at_ms=by.at_ms,
        bid_id=bid.id,
        auction_id=auction.id,
        bidder_id=bid.bidder_id,
        price_minor=by.price_minor,
    )


def _superseded(auction: Auction, bid: Bid, by: Bid) -> BidSuperseded:
    return BidSuperseded(
        at_ms=by.at_ms,
        bid_id=bid.id,
        auction_id=auction.id,
        bidder_id=bid.bidder_id,
        by_bid_id=by.id,
    )
