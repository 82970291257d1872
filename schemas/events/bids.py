"""Events of matching on the topic `bids`: a deal's whole life."""

from typing import Annotated

from msgspec import Meta

from schemas.auctions import AuctionTerms, FurtherLicences
from schemas.base import (
    Accepted,
    Amount,
    BasisPoints,
    Event,
    Id,
    Millis,
    Nonce,
    PositiveAmount,
    Quantity,
    Reason,
    Sha256,
    Text,
)
from schemas.catalogue import GrantTerms, Offer
from schemas.money import Currency
from schemas.reasons import BidEnding, Refusal, Unsold


class DeadlineScheduled(Event):
    """Matching must be told when `due_ms` has come."""

    id: Id
    due_ms: Millis


class ClockAdvanced(Event):
    """Matching has taken note of the venue's clock."""

    now_ms: Millis


class AuctionOpened(Event):
    """`follows` is the auction that ended unsold and is opened here again."""

    id: Id
    listing_id: Id
    supplier_id: Id
    terms: AuctionTerms
    nonce: Nonce
    follows: Id | None = None


class _OfBid(Event):
    bid_id: Id
    auction_id: Id
    bidder_id: Id


class BidPlaced(_OfBid):
    """The bid stands. `price_minor` is the price that then holds, shown to all; the maximum is
    not.
    """

    max_price_minor: PositiveAmount
    price_minor: PositiveAmount
    buyer_fee_bps: BasisPoints
    nonce: Nonce
    further_minor: FurtherLicences = ()


class BidRejected(_OfBid):
    reason: Refusal


class BidOutbid(_OfBid):
    """The bid no longer leads, or never did."""

    price_minor: PositiveAmount


class BidSuperseded(_OfBid):
    """The bid gave way to a newer one of the same bidder."""

    by_bid_id: Id


class BidLost(_OfBid):
    """The auction ended and the bid did not win."""

    reason: BidEnding


class AuctionExtended(Event):
    auction_id: Id
    ends_at_ms: Millis
    extensions: Annotated[int, Meta(ge=0)]
    reason: Reason
    id: Id | None = None


class AuctionCancelled(Event):
    auction_id: Id
    reason: Reason
    id: Id | None = None


class AuctionClosedUnsold(Event):
    """`relisted_as` is the auction that follows on this one, in the same step."""

    auction_id: Id
    reason: Unsold
    relisted_as: Id | None = None


class SubscriptionRejected(Event):
    id: Id
    listing_id: Id
    buyer_id: Id
    reason: Refusal


class TradeExecuted(Event):
    """A deal, with everything settlement needs: who, what, at which price, under which terms of
    use.

    `request_id` is the bid, subscription or access request that won; `price_minor` is 0 for free
    use, the price of all `quantity` licences for an auction, the prepaid budget for metered use.
    """

    id: Id
    request_id: Id
    deal_id: Id
    listing_id: Id
    data_set_id: Id
    content_sha256: Sha256
    supplier_id: Id
    buyer_id: Id
    offer: Offer
    price_minor: Amount
    grant_terms: GrantTerms
    currency: Currency | None = None
    buyer_fee_bps: BasisPoints = 0
    purpose: Text = ""
    revision: Quantity = 1
    quantity: Quantity = 1
    accepted_sha256: Accepted = ""
