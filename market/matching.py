"""Matching: the catalogue, access to it, and auctions. Decides its commands and what the ledger
says.

State changes only in `evolve`, only by matching's own events; what it must remember of the ledger
becomes an own event first.
"""

from typing import Final, assert_never, get_args

import msgspec

from market import access, auction, calendar, deal, listing, party
from market.access import Desk
from market.auction_state import Auction
from market.deadlines import Deadlines, cancel, due_by, next_due_ms, schedule
from market.listing import Catalogue, Status
from market.memory import Memory, advance, decide_once, remember
from market.party import Admitted, refuse_to_act
from schemas import commands as c
from schemas import events as e
from schemas.access import AccessEnding
from schemas.base import Command, Event
from schemas.catalogue import MeteredOffer
from schemas.parties import Role
from schemas.reasons import Refusal

TAKES: Final = frozenset(
    {
        *get_args(c.MatchingCommand),
        e.FundsReserved,
        e.FundsRefused,
        e.TimeAdvanced,
        e.PartyApproved,
        e.PartySuspended,
        e.PartyResumed,
        e.ControllerChanged,
    }
)


class State(msgspec.Struct, kw_only=True):
    parties: dict[str, Admitted] = {}
    catalogue: Catalogue = msgspec.field(default_factory=Catalogue)
    access: Desk = msgspec.field(default_factory=Desk)
    auctions: dict[str, Auction] = {}
    deadlines: Deadlines = msgspec.field(default_factory=Deadlines)
    memory: Memory = msgspec.field(default_factory=Memory)
    now_ms: int = 0


def next_deadline(state: State) -> int | None:
    """Return when the next auction or listing ends. Settlement's clock fires it."""
    return next_due_ms(state.deadlines)


# --- decide -----------------------------------------------------------------------------------


def decide(state: State, message: Command | Event) -> list[Event]:
    match message:
        case e.FundsReserved() | e.FundsRefused():
            return _on_funds(state, message)
        case e.TimeAdvanced():
            return _on_time(state, message.now_ms)
        case e.PartyApproved() | e.PartySuspended() | e.PartyResumed() | e.ControllerChanged():
            return party.admit(state.parties, message)
        case Command():
            return _on_command(state, message)
        case _:
            return []


def _on_command(state: State, command: Command) -> list[Event]:
    return decide_once(
        state.memory,
        command,
        state.now_ms,
        lambda: _carry_out(state, command),
        e.RequestRefused,
    )


def _carry_out(state: State, command: Command) -> list[Event] | Refusal:
    catalogue, auctions = state.catalogue, state.auctions
    match command:
        case c.RequestAccess():
            return access.request(state.access, catalogue, state.parties, command)
        case c.RegisterDataSet():
            refusal = refuse_to_act(state.parties, command.supplier_id, Role.SUPPLIER)
            return refusal or listing.register(catalogue, command)
        case c.ReviseDataSet():
            refusal = refuse_to_act(state.parties, command.supplier_id, Role.SUPPLIER)
            return refusal or listing.revise(catalogue, command)
        case c.DraftListing():
            refusal = refuse_to_act(state.parties, command.supplier_id, Role.SUPPLIER)
            return refusal or listing.draft(catalogue, command)
        case c.AmendListing():
            return listing.amend(catalogue, command)
        case c.WithdrawListing():
            return _withdraw_listing(state, command)
        case c.SubmitListing() | c.ReviewListing() | c.SuspendListing() | c.ResumeListing():
            return listing.take_step(catalogue, command)
        case c.SetCalendar():
            return calendar.set_calendar(command)
        case c.OpenAuction():
            if command.id in auctions:
                return Refusal.AUCTION_EXISTS
            if party.is_suspended(state.parties, command.supplier_id):
                return Refusal.PARTY_SUSPENDED
            return auction.open_auction(catalogue.listings.get(command.listing_id), command)
        case c.WithdrawAuction():
            return auction.withdraw(auctions.get(command.auction_id), command)
        case c.CancelAuction():
            return auction.cancel(auctions.get(command.auction_id), command)
        case c.ExtendAuction():
            return auction.extend(auctions.get(command.auction_id), command)
        case _ if isinstance(command, c.AccessStep):
            return access.take_step(state.access, catalogue, state.parties, command)
        case _:
            raise AssertionError(f"matching does not take {type(command).__name__}")


def _on_funds(state: State, event: e.FundsReserved | e.FundsRefused) -> list[Event]:
    """A bid or subscription arrives by way of settlement, funded or refused."""
    request = event.request
    refused = event.reason if isinstance(event, e.FundsRefused) else None
    fee_bps = event.buyer_fee_bps if isinstance(event, e.FundsReserved) else 0
    match request:
        case c.PlaceBid():
            if refused is not None:
                return [auction.reject(request, refused)]
            contested = state.auctions.get(request.auction_id)
            offered = state.catalogue.listings.get(contested.listing_id) if contested else None
            if offered and offered.acceptance_sha256 not in ("", request.accepted_sha256):
                return [auction.reject(request, Refusal.TERMS_NOT_ACCEPTED)]
            return auction.place(contested, offered, state.parties, request, fee_bps)
        case c.Subscribe():
            return _subscribe(state, request, fee_bps, refused)
        case _:
            assert_never(request)


def _on_time(state: State, now_ms: int) -> list[Event]:
    """Let everything due happen, in (deadline, id) order."""
    happened: list[Event] = [e.ClockAdvanced(at_ms=now_ms, now_ms=now_ms)]
    closed: set[str] = set()
    for due_ms, id in due_by(state.deadlines, now_ms):
        if ending := state.auctions.get(id):
            offered = state.catalogue.listings[ending.listing_id]
            happened += auction.close(ending, offered, now_ms, state.auctions)
        elif id in state.access.cases:
            happened += [] if id in closed else [access.due(state.access, id, due_ms)]
        else:
            happened.append(e.ListingExpired(at_ms=due_ms, listing_id=id))
            ended = access.listing_ended(state.access, id, AccessEnding.LISTING_EXPIRED, due_ms)
            closed |= {case.access_id for case in ended}
            happened += ended
    return happened


# --- deals --------------------------------------------------------------------------------------


def _subscribe(
    state: State, request: c.Subscribe, fee_bps: int, refused: Refusal | None
) -> list[Event]:
    offered = refused or deal.find(state.catalogue, state.parties, request, MeteredOffer)
    if isinstance(offered, listing.Listing):
        assert isinstance(offered.offer, MeteredOffer), f"{offered.id} was found as metered"
        if offered.offer.tariff.currency == request.currency:
            return [deal.execute(offered, request, request.budget_minor, request.currency, fee_bps)]
        offered = Refusal.CURRENCY_MISMATCH
    return [
        e.SubscriptionRejected(
            at_ms=request.at_ms,
            id=request.id,
            listing_id=request.listing_id,
            buyer_id=request.buyer_id,
            reason=offered,
        )
    ]


def _withdraw_listing(state: State, command: c.WithdrawListing) -> list[Event] | Refusal:
    """A running auction goes with its listing while nobody has bid; then only the operator
    cancels.
    """
    withdrawn = listing.take_step(state.catalogue, command)
    if isinstance(withdrawn, Refusal):
        return withdrawn
    withdrawn += access.listing_ended(
        state.access, command.listing_id, AccessEnding.LISTING_WITHDRAWN, command.at_ms
    )
    running = state.auctions.get(state.catalogue.listings[command.listing_id].auction_id or "")
    if running is None:
        return withdrawn
    if running.bid_count:
        return Refusal.LISTING_HAS_BIDS
    return [*withdrawn, *auction.cancelled(running, command.at_ms, command.reason, None)]


# --- evolve -----------------------------------------------------------------------------------

_ANSWERS: Final = frozenset(
    {
        e.DataSetRegistered,
        e.DataSetRevised,
        e.ListingDrafted,
        e.ListingAmended,
        e.ListingSubmitted,
        e.ListingReviewed,
        e.ListingSuspended,
        e.ListingResumed,
        e.ListingWithdrawn,
        e.AccessRequested,
        e.RequestRefused,
        e.AccessReviewed,
        e.AccessDecided,
        e.SubscriptionPushed,
        e.QualityChallenged,
        e.ChallengeAnswered,
        e.AccessEvaluated,
        e.AccessWithdrawn,
        e.CalendarSet,
        e.AuctionOpened,
        e.AuctionExtended,
        e.AuctionCancelled,
    }
)
_STATUS_AFTER: Final = {
    e.ListingSubmitted: Status.UNDER_REVIEW,
    e.ListingSuspended: Status.SUSPENDED,
    e.ListingResumed: Status.LISTED,
    e.ListingWithdrawn: Status.WITHDRAWN,
    e.ListingExpired: Status.EXPIRED,
}


def evolve(state: State, event: Event) -> State:
    """Apply one of matching's own events, in place."""
    match event:
        case e.BidPlaced():
            auction.placed_effect(state.auctions[event.auction_id], event)
        case e.BidOutbid() | e.BidSuperseded() | e.BidLost():
            auction.ended_effect(state.auctions[event.auction_id], event)
        case e.BidRejected() | e.SubscriptionRejected() | e.RequestRefused():
            pass
        case e.TradeExecuted():
            _trade_effect(state, event)
        case e.AuctionExtended():
            auction.extended_effect(state.auctions[event.auction_id], event)
        case e.DeadlineScheduled():
            schedule(state.deadlines, event.id, event.due_ms)
        case e.ClockAdvanced():
            state.now_ms = max(state.now_ms, event.now_ms)  # a deadline may come late
            advance(state.memory, event.now_ms)
        case e.AuctionOpened():
            state.auctions[event.id] = auction.opened_effect(event)
            state.catalogue.listings[event.listing_id].auction_id = event.id
        case e.AuctionClosedUnsold() | e.AuctionCancelled():
            _forget_auction(state, event.auction_id)
        case e.PartyAdmitted():
            state.parties[event.party_id] = party.admitted_effect(event)
        case e.DataSetRegistered():
            listing.register_effect(state.catalogue, event)
        case e.DataSetRevised():
            listing.revise_effect(state.catalogue, event)
        case e.ListingDrafted():
            listing.draft_effect(state.catalogue, event)
        case e.ListingAmended():
            listing.amend_effect(state.catalogue, event)
            cancel(state.deadlines, event.listing_id)
        case e.AccessRequested():
            access.requested_effect(state.access, state.catalogue, event)
        case e.CalendarSet():
            state.access.calendar = event.calendar
        case e.ListingReviewed():
            reviewed = state.catalogue.listings[event.listing_id]
            reviewed.status = Status.LISTED if event.approved else Status.DRAFT
        case (
            e.ListingSubmitted()
            | e.ListingSuspended()
            | e.ListingResumed()
            | e.ListingWithdrawn()
            | e.ListingExpired()
        ):
            _status_effect(state, event.listing_id, _STATUS_AFTER[type(event)])
        case _ if isinstance(event, e.AccessMove):
            access.moved_effect(state.access, event)
            cancel(state.deadlines, event.access_id)
        case _:
            raise AssertionError(f"{type(event).__name__} is not an event of matching")
    if type(event) in _ANSWERS and (command_id := getattr(event, "id", None)):
        remember(state.memory, command_id, event, state.now_ms)
    return state


def _status_effect(state: State, listing_id: str, status: Status) -> None:
    state.catalogue.listings[listing_id].status = status
    if status not in listing.LIVE:
        cancel(state.deadlines, listing_id)


def _trade_effect(state: State, event: e.TradeExecuted) -> None:
    sold = state.auctions.get(event.deal_id)
    if sold is not None:
        del sold.standing[event.request_id]
        if not sold.standing:
            _forget_auction(state, sold.id)


def _forget_auction(state: State, auction_id: str) -> None:
    ended = state.auctions.pop(auction_id)
    cancel(state.deadlines, auction_id)
    state.catalogue.listings[ended.listing_id].auction_id = None
