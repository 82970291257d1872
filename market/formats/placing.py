"""What formats share: the events of placing a bid, and which of two bids is the stronger."""

from market.auction_state import Auction, Bid
from schemas.base import Event
from schemas.events import BidOutbid, BidPlaced, BidSuperseded
from schemas.reasons import Refusal, Unsold

BIDDERS_MAX = 10_000  # whose bids one auction keeps until its end


def strength(auction: Auction, bid: Bid) -> tuple[int, bool]:
    """The stronger bid wins; of equally strong ones the earlier."""
    return bid.max_price_minor, bid.bidder_id in auction.terms.priority_ids


def placed(auction: Auction, bid: Bid, price_minor: int) -> BidPlaced:
    return BidPlaced(
        at_ms=bid.at_ms,
        bid_id=bid.id,
        auction_id=auction.id,
        bidder_id=bid.bidder_id,
        max_price_minor=bid.max_price_minor,
        price_minor=price_minor,
        buyer_fee_bps=bid.buyer_fee_bps,
        nonce=bid.nonce,
        further_minor=bid.further_minor,
    )


def outbid(auction: Auction, bid: Bid, by: BidPlaced) -> BidOutbid:
    return BidOutbid(
        at_ms=by.at_ms,
        bid_id=bid.id,
        auction_id=auction.id,
        bidder_id=bid.bidder_id,
        price_minor=by.price_minor,
    )


def superseded(auction: Auction, bid: Bid, by: Bid) -> BidSuperseded:
    return BidSuperseded(
        at_ms=by.at_ms,
        bid_id=bid.id,
        auction_id=auction.id,
        bidder_id=bid.bidder_id,
        by_bid_id=by.id,
    )


# --- sealed bids ------------------------------------------------------------------------------


def refuse_sealed(auction: Auction, bid: Bid) -> Refusal | None:
    """Say why a sealed bid may not be placed now; nothing else depends on the other bids."""
    if min((bid.max_price_minor, *bid.further_minor)) < auction.terms.start_price_minor:
        return Refusal.BID_BELOW_MINIMUM
    if len(auction.standing) >= BIDDERS_MAX and bid.bidder_id not in auction.bid_of:
        return Refusal.AUCTION_FULL
    return None


def place_sealed(auction: Auction, bid: Bid) -> list[Event]:
    """Take the bid in place of its bidder's last one, and show no price but the start price."""
    taken = placed(auction, bid, auction.terms.start_price_minor)
    if before := auction.bid_of.get(bid.bidder_id):
        return [taken, superseded(auction, auction.standing[before], bid)]
    return [taken]


def winner(auction: Auction) -> Bid | Unsold:
    """Return the strongest sealed bid for the one licence, if it reaches the reserve."""
    best = max(auction.standing.values(), key=lambda bid: strength(auction, bid), default=None)
    if best is None:
        return Unsold.NO_BIDS
    return best if best.max_price_minor >= least_minor(auction) else Unsold.RESERVE_NOT_MET


def least_minor(auction: Auction) -> int:
    """Return what a licence costs at least."""
    return max(auction.terms.start_price_minor, auction.terms.reserve_price_minor)
