"""The life of an auction: opened, bid on, perhaps extended, closed or cancelled.

What happens to one bid: `place` gets it with its money already reserved, refuses it with a reason,
or lets the auction's format place it, which also ends the bids it beats; a bid near the end may
extend the auction. When the deadline comes, `close` lets the format clear: a loss for each bid that
wins nothing, a trade for each award. Nothing else ends a bid, and each ending releases its money.
In a format that ends with a bid, its trade follows in the same decision. What ends unsold is opened
again if its terms say so.

A new format is a module in `market.formats` and a row in `FORMATS`; nothing here changes.
"""

from collections.abc import Container
from typing import Final

from market import relisting
from market.auction_state import Auction, Award, Bid, Format
from market.formats import (
    discriminatory,
    dutch,
    english,
    sealed_first_price,
    sealed_second_price,
    uniform,
)
from market.listing import Listing, Status
from market.party import Admitted, refuse_to_buy
from schemas.auctions import (
    CommonTerms,
    DiscriminatoryTerms,
    DutchTerms,
    EnglishTerms,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    UniformTerms,
)
from schemas.base import Event
from schemas.catalogue import AuctionOffer
from schemas.commands import CancelAuction, ExtendAuction, OpenAuction, PlaceBid, WithdrawAuction
from schemas.events import (
    AuctionCancelled,
    AuctionClosedUnsold,
    AuctionExtended,
    AuctionOpened,
    BidLost,
    BidOutbid,
    BidPlaced,
    BidRejected,
    BidSuperseded,
    DeadlineScheduled,
    TradeExecuted,
)
from schemas.ids import derive_id
from schemas.reasons import BidEnding, Refusal, Unsold

FORMATS: Final[dict[type[CommonTerms], Format]] = {
    EnglishTerms: english,
    SealedFirstPriceTerms: sealed_first_price,
    SealedSecondPriceTerms: sealed_second_price,
    DutchTerms: dutch,
    UniformTerms: uniform,
    DiscriminatoryTerms: discriminatory,
}
DURATION_MS_MAX: Final = 366 * 24 * 3_600_000


def open_auction(listing: Listing | None, command: OpenAuction) -> list[Event] | Refusal:
    if refusal := _refuse_opening(listing, command):
        return refusal
    opened = AuctionOpened(
        at_ms=command.at_ms,
        id=command.id,
        listing_id=command.listing_id,
        supplier_id=command.supplier_id,
        terms=command.terms,
        nonce=command.nonce,
    )
    return [opened, _deadline(command.id, command.terms.ends_at_ms, command.at_ms)]


def place(
    auction: Auction | None,
    listing: Listing | None,
    parties: dict[str, Admitted],
    request: PlaceBid,
    buyer_fee_bps: int,
) -> list[Event]:
    """Decide on a funded bid. `auction` and `listing` are None when there are none of that id."""
    bid = Bid(
        id=request.id,
        bidder_id=request.bidder_id,
        max_price_minor=request.max_price_minor,
        at_ms=request.at_ms,
        buyer_fee_bps=buyer_fee_bps,
        nonce=request.nonce,
        further_minor=request.further_minor,
    )
    if auction is None or listing is None:
        return [reject(request, Refusal.AUCTION_NOT_OPEN)]
    if refusal := _refuse_bid(auction, listing, parties, request, bid):
        return [reject(request, refusal)]
    rules = FORMATS[type(auction.terms)]
    placed = rules.place(auction, bid)
    if rules.ENDS_WITH_BID:
        return [*placed, _bought(auction, listing, bid, placed[0])]
    return [*placed, *_soft_close(auction, bid.at_ms)]


def reject(request: PlaceBid, reason: Refusal) -> BidRejected:
    return BidRejected(
        at_ms=request.at_ms,
        bid_id=request.id,
        auction_id=request.auction_id,
        bidder_id=request.bidder_id,
        reason=reason,
    )


def close(
    auction: Auction, listing: Listing, now_ms: int, running: Container[str] = ()
) -> list[Event]:
    """Clear at the deadline; every effect carries it as its time.

    `now_ms` is when that is done, `running` the ids that a next round may not take.
    """
    at_ms = auction.ends_at_ms
    result = FORMATS[type(auction.terms)].clear(auction)
    if isinstance(result, Unsold):
        return [
            *_lose(auction, at_ms, BidEnding.RESERVE_NOT_MET),
            *_unsold(auction, listing, result, now_ms, running),
        ]
    winners = {award.bid.id for award in result}
    trades = [_trade(auction, listing, award, at_ms) for award in result]
    return [*_lose(auction, at_ms, BidEnding.OUTBID, winners), *trades]


def withdraw(auction: Auction | None, command: WithdrawAuction) -> list[Event] | Refusal:
    """Take the auction back, which its supplier may until the first bid."""
    if auction is None:
        return Refusal.AUCTION_NOT_OPEN
    if auction.supplier_id != command.supplier_id:
        return Refusal.NOT_OWNER
    if auction.bid_count:
        return Refusal.AUCTION_HAS_BIDS
    return cancelled(auction, command.at_ms, command.reason, command.id)


def cancel(auction: Auction | None, command: CancelAuction) -> list[Event] | Refusal:
    if auction is None:
        return Refusal.AUCTION_NOT_OPEN
    return cancelled(auction, command.at_ms, command.reason, command.id)


def cancelled(auction: Auction, at_ms: int, reason: str, command_id: str | None) -> list[Event]:
    ended = AuctionCancelled(at_ms=at_ms, auction_id=auction.id, reason=reason, id=command_id)
    return [*_lose(auction, at_ms, BidEnding.AUCTION_CANCELLED), ended]


def extend(auction: Auction | None, command: ExtendAuction) -> list[Event] | Refusal:
    if auction is None:
        return Refusal.AUCTION_NOT_OPEN
    longest_ms = auction.terms.starts_at_ms + DURATION_MS_MAX
    if not auction.ends_at_ms < command.ends_at_ms <= longest_ms:
        return Refusal.AUCTION_TIMES_INVALID
    return _extended(auction, command.ends_at_ms, command.at_ms, command.reason, command.id)


# --- effects ----------------------------------------------------------------------------------


def opened_effect(event: AuctionOpened) -> Auction:
    return Auction(
        id=event.id,
        listing_id=event.listing_id,
        supplier_id=event.supplier_id,
        terms=event.terms,
        ends_at_ms=event.terms.ends_at_ms,
        price_minor=event.terms.start_price_minor,
        follows=event.follows,
        nonce=event.nonce,
    )


def placed_effect(auction: Auction, event: BidPlaced) -> None:
    auction.bid_count += 1
    auction.price_minor = event.price_minor
    if auction.terms.sealed:
        auction.bid_of[event.bidder_id] = event.bid_id
    auction.standing[event.bid_id] = Bid(
        id=event.bid_id,
        bidder_id=event.bidder_id,
        max_price_minor=event.max_price_minor,
        at_ms=event.at_ms,
        buyer_fee_bps=event.buyer_fee_bps,
        nonce=event.nonce,
        further_minor=event.further_minor,
    )


def ended_effect(auction: Auction, event: BidOutbid | BidSuperseded | BidLost) -> None:
    bid = auction.standing.pop(event.bid_id)
    if isinstance(event, BidOutbid):
        auction.rival_minor = max(auction.rival_minor or 0, bid.max_price_minor)


def extended_effect(auction: Auction, event: AuctionExtended) -> None:
    auction.ends_at_ms = event.ends_at_ms
    auction.extensions = event.extensions


# --- helpers ----------------------------------------------------------------------------------


def _refuse_opening(listing: Listing | None, command: OpenAuction) -> Refusal | None:
    terms = command.terms
    if listing is None:
        return Refusal.LISTING_UNKNOWN
    if listing.supplier_id != command.supplier_id:
        return Refusal.NOT_OWNER
    if listing.status is not Status.LISTED:
        return Refusal.LISTING_NOT_LISTED
    if not isinstance(listing.offer, AuctionOffer):
        return Refusal.OFFER_WRONG_MODE
    if listing.offer.currency != terms.currency:
        return Refusal.CURRENCY_MISMATCH
    if listing.auction_id is not None:
        return Refusal.AUCTION_ALREADY_RUNNING
    if terms.ends_at_ms <= max(terms.starts_at_ms, command.at_ms):
        return Refusal.AUCTION_TIMES_INVALID
    if terms.ends_at_ms - terms.starts_at_ms > DURATION_MS_MAX:
        return Refusal.AUCTION_TIMES_INVALID
    if not relisting.is_sound(command.id, terms, DURATION_MS_MAX):
        return Refusal.AUCTION_TERMS_INVALID
    return FORMATS[type(terms)].terms_fault(terms)


def _refuse_bid(
    auction: Auction, listing: Listing, parties: dict[str, Admitted], request: PlaceBid, bid: Bid
) -> Refusal | None:
    if bid.at_ms < auction.terms.starts_at_ms:
        return Refusal.AUCTION_NOT_STARTED
    if bid.at_ms >= auction.ends_at_ms:
        return Refusal.AUCTION_NOT_OPEN
    if listing.status is Status.SUSPENDED:
        return Refusal.LISTING_NOT_LISTED
    if request.currency != auction.terms.currency:
        return Refusal.CURRENCY_MISMATCH
    if refusal := refuse_to_buy(parties, bid.bidder_id, auction.supplier_id):
        return refusal
    rules = FORMATS[type(auction.terms)]
    if bid.further_minor and not rules.MANY_LICENCES:
        return Refusal.BID_DOES_NOT_FIT
    return rules.refuse(auction, bid)


def _soft_close(auction: Auction, at_ms: int) -> list[Event]:
    """A bid in the closing window moves the end, so that others have time to answer."""
    rule = auction.terms.soft_close if isinstance(auction.terms, EnglishTerms) else None
    if rule is None or auction.extensions >= rule.extensions_max:
        return []
    ends_at_ms = at_ms + rule.extend_by_ms
    if at_ms < auction.ends_at_ms - rule.window_ms or ends_at_ms <= auction.ends_at_ms:
        return []
    return _extended(auction, ends_at_ms, at_ms, "soft_close", None)


def _extended(
    auction: Auction, ends_at_ms: int, at_ms: int, reason: str, command_id: str | None
) -> list[Event]:
    soft = command_id is None
    extended = AuctionExtended(
        at_ms=at_ms,
        auction_id=auction.id,
        ends_at_ms=ends_at_ms,
        extensions=auction.extensions + soft,
        reason=reason,
        id=command_id,
    )
    return [extended, _deadline(auction.id, ends_at_ms, at_ms)]


def _deadline(auction_id: str, due_ms: int, at_ms: int) -> DeadlineScheduled:
    return DeadlineScheduled(at_ms=at_ms, id=auction_id, due_ms=due_ms)


def _lose(
    auction: Auction,
    at_ms: int,
    reason: BidEnding,
    winners: frozenset[str] | set[str] = frozenset(),
) -> list[Event]:
    return [
        BidLost(
            at_ms=at_ms,
            bid_id=bid.id,
            auction_id=auction.id,
            bidder_id=bid.bidder_id,
            reason=reason,
        )
        for bid in auction.standing.values()
        if bid.id not in winners
    ]


def _bought(auction: Auction, listing: Listing, bid: Bid, placed: Event) -> TradeExecuted:
    """The bid just placed has won, at the price it was placed at."""
    assert isinstance(placed, BidPlaced), "a format begins with placing the bid"
    return _trade(auction, listing, Award(bid=bid, price_minor=placed.price_minor), bid.at_ms)


def _unsold(
    auction: Auction, listing: Listing, reason: Unsold, now_ms: int, running: Container[str]
) -> list[Event]:
    """Nothing is sold; the next round opens in the same step, where there is one."""
    at_ms = auction.ends_at_ms
    again = relisting.next_round(auction, now_ms)
    if again is not None and (listing.status is not Status.LISTED or again.id in running):
        again = None
    unsold = AuctionClosedUnsold(
        at_ms=at_ms,
        auction_id=auction.id,
        reason=reason,
        relisted_as=None if again is None else again.id,
    )
    if again is None:
        return [unsold]
    return [unsold, again, _deadline(again.id, again.terms.ends_at_ms, at_ms)]


def _trade(auction: Auction, listing: Listing, award: Award, at_ms: int) -> TradeExecuted:
    bid = award.bid
    return TradeExecuted(
        at_ms=at_ms,
        id=derive_id(bid.id, "trd"),
        request_id=bid.id,
        deal_id=auction.id,
        listing_id=listing.id,
        data_set_id=listing.data_set_id,
        content_sha256=listing.content_sha256,
        revision=listing.revision,
        accepted_sha256=listing.acceptance_sha256,
        supplier_id=listing.supplier_id,
        buyer_id=bid.bidder_id,
        offer=listing.offer,
        price_minor=award.price_minor,
        grant_terms=listing.grant_terms,
        currency=auction.terms.currency,
        buyer_fee_bps=bid.buyer_fee_bps,
        quantity=award.quantity,
    )
