"""Every event of the exchange, grouped by the topic that carries it (see `schemas.topics`)."""

from typing import Annotated

from msgspec import Meta

from schemas.auctions import AuctionTerms
from schemas.base import (
    Amount,
    BasisPoints,
    Event,
    Id,
    Millis,
    Name,
    Nonce,
    PositiveAmount,
    Quantity,
    Reason,
    Sha256,
    Text,
)
from schemas.catalogue import CatalogueEntry, Content, GrantTerms, Offer
from schemas.commands import Deposit, FundedRequest, TopUpGrant, Withdraw
from schemas.money import Currency
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.policy import Policy
from schemas.postings import Leg, TransferKind
from schemas.reasons import BidEnding, Refusal, Unsold
from schemas.tariff import Tariff

# --- ledger (settlement): parties, money, time ------------------------------------------------


class VenueOpened(Event):
    id: Id
    operator_id: Id
    terms: VenueTerms


class PartyRegistered(Event):
    id: Id
    name: Name
    kind: PartyKind
    roles: tuple[Role, ...]
    credit_code: str = ""
    controller_id: Id | None = None


class PartyApproved(Event):
    """`controller_id` is carried along: a controlled body may not bid for its controller's data."""

    id: Id
    party_id: Id
    operator_id: Id
    roles: tuple[Role, ...]
    controller_id: Id | None = None


class AccountOpened(Event):
    party_id: Id
    currency: Currency


class TransferPosted(Event):
    """Money that has moved for `party_id`, by a command (`request`) or because of `cause_id`.

    A purchase draws on the hold `hold_id`.
    """

    id: Id
    kind: TransferKind
    currency: Currency
    legs: tuple[Leg, ...]
    party_id: Id
    cause_id: Id
    hold_id: str = ""
    request: Deposit | Withdraw | TopUpGrant | None = None


class FundsReserved(Event):
    """The request is funded; `reserved_minor` is what had to be locked beyond what was already
    held.
    """

    request: FundedRequest
    reserved_minor: Amount
    buyer_fee_bps: BasisPoints


class FundsRefused(Event):
    request: FundedRequest
    reason: Refusal


class FundsReleased(Event):
    """A funded request has ended; released is what no other request of its hold still needs."""

    request_id: Id
    hold_id: str
    party_id: Id
    currency: Currency
    released_minor: Amount


class DeadlineNoted(Event):
    """Settlement keeps the clock for both services and has taken up this deadline."""

    id: Id
    due_ms: Millis


class TimeAdvanced(Event):
    """The venue's clock stands at `now_ms`: all that is due by then happens now."""

    now_ms: Millis


class InstructionRefused(Event):
    """Settlement refused command `id`; nothing else came of it."""

    id: Id
    command: Name
    reason: Refusal


# --- grants (settlement): rights and their use ------------------------------------------------


class GrantIssued(Event):
    id: Id
    trade_id: Id
    listing_id: Id
    data_set_id: Id
    content_sha256: Sha256
    supplier_id: Id
    buyer_id: Id
    policy: Policy
    tariff: Tariff | None = None
    expires_at_ms: Millis | None = None
    currency: Currency | None = None
    buyer_fee_bps: BasisPoints = 0
    seller_fee_bps: BasisPoints = 0
    treasury_bps: BasisPoints = 0
    purpose: Text = ""


class _OfGrant(Event):
    grant_id: Id
    buyer_id: Id


class GrantSuspended(_OfGrant):
    reason: Reason
    id: Id | None = None


class GrantResumed(_OfGrant):
    id: Id | None = None


class GrantExhausted(_OfGrant): ...


class GrantExpired(_OfGrant): ...


class GrantRevoked(_OfGrant):
    """Ended before its time: by the operator, or given back by its buyer."""

    reason: Reason
    id: Id | None = None


class UsageRecorded(Event):
    """`used_total` is the grant's one counter, this use included: billed units and the policy's
    `count`.
    """

    id: Id
    grant_id: Id
    buyer_id: Id
    quantity: Quantity
    used_total: Quantity
    purpose: Text = ""
    spatial: Text = ""


class UsageCharged(Event):
    """What the use of this id cost: `charge_minor` by the tariff, `fee_minor` the buyer's fee on
    top.
    """

    usage_id: Id
    grant_id: Id
    buyer_id: Id
    currency: Currency
    charge_minor: Amount
    fee_minor: Amount
    charged_total_minor: Amount
    legs: tuple[Leg, ...]


class UsageRefused(Event):
    id: Id
    grant_id: Id
    buyer_id: Id
    quantity: Quantity
    reason: Refusal
    detail: Text = ""


# --- listings (matching): the catalogue's life ------------------------------------------------


class PartyAdmitted(Event):
    """Matching has taken note of an approved party."""

    party_id: Id
    roles: tuple[Role, ...]
    controller_id: Id | None = None


class DataSetRegistered(Event):
    id: Id
    supplier_id: Id
    title: Name
    content: Content


class ListingDrafted(Event):
    id: Id
    supplier_id: Id
    data_set_id: Id
    entry: CatalogueEntry
    offer: Offer
    grant_terms: GrantTerms
    expires_at_ms: Millis | None = None


class _OfListing(Event):
    id: Id
    listing_id: Id


class ListingSubmitted(_OfListing):
    supplier_id: Id


class ListingReviewed(_OfListing):
    """Approved, it is listed from now on; refused, it is a draft again."""

    operator_id: Id
    approved: bool
    reason: Reason


class ListingSuspended(_OfListing):
    operator_id: Id
    reason: Reason


class ListingResumed(_OfListing):
    operator_id: Id


class ListingWithdrawn(_OfListing):
    supplier_id: Id
    reason: Reason


class ListingExpired(Event):
    listing_id: Id


class AccessRequested(Event):
    id: Id
    listing_id: Id
    buyer_id: Id
    purpose: Text = ""


class RequestRefused(Event):
    """Matching refused command `id`; nothing else came of it."""

    id: Id
    command: Name
    reason: Refusal


# --- bids (matching): a deal's whole life -----------------------------------------------------


class DeadlineScheduled(Event):
    """Matching must be told when `due_ms` has come."""

    id: Id
    due_ms: Millis


class ClockAdvanced(Event):
    """Matching has taken note of the venue's clock."""

    now_ms: Millis


class AuctionOpened(Event):
    id: Id
    listing_id: Id
    supplier_id: Id
    terms: AuctionTerms
    nonce: Nonce


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
    auction_id: Id
    reason: Unsold


class SubscriptionRejected(Event):
    id: Id
    listing_id: Id
    buyer_id: Id
    reason: Refusal


class TradeExecuted(Event):
    """A deal, with everything settlement needs: who, what, at which price, under which terms of
    use.

    `request_id` is the bid, subscription or access request that won; `price_minor` is 0 for free
    use, the price for an auction, the prepaid budget for metered use.
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
