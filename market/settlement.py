"""Settlement: parties, money, grants and the venue's clock. Decides its commands and what became
of deals.

State changes only in `evolve`, only by settlement's own events; what it must remember of a deal
becomes an own event first.
"""

from typing import Final, get_args

import msgspec

from market import grant, ledger, party, refund
from market.deadlines import Deadlines, cancel, due_by, next_due_ms, schedule
from market.ledger import Ledger
from market.memory import Memory, advance, decide_once, remember
from market.party import Party
from market.refund import Receipts
from schemas import commands as c
from schemas import events as e
from schemas.base import Command, Event
from schemas.catalogue import AuctionOffer, FreeOffer, MeteredOffer
from schemas.ids import derive_id
from schemas.money import bps_of
from schemas.parties import VenueTerms
from schemas.postings import TransferKind
from schemas.reasons import Refusal

TERMS_BEFORE_OPENING: Final = VenueTerms(currencies=("CNY",))


TAKES: Final = frozenset(
    {
        *get_args(c.SettlementCommand),
        e.BidOutbid,
        e.BidRejected,
        e.BidSuperseded,
        e.BidLost,
        e.SubscriptionRejected,
        e.TradeExecuted,
        e.DeadlineScheduled,
    }
)


class State(msgspec.Struct, kw_only=True):
    terms: VenueTerms = TERMS_BEFORE_OPENING
    parties: dict[str, Party] = {}
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    grants: dict[str, grant.Grant] = {}
    receipts: Receipts = msgspec.field(default_factory=Receipts)
    deadlines: Deadlines = msgspec.field(default_factory=Deadlines)
    memory: Memory = msgspec.field(default_factory=Memory)
    now_ms: int = 0


def next_deadline(state: State) -> int | None:
    """Return when a deadline of either service is due, or the memory of ids is to be turned."""
    candidates = (next_due_ms(state.deadlines), state.memory.turns_at_ms)
    return min((due for due in candidates if due is not None), default=None)


# --- decide -----------------------------------------------------------------------------------


def decide(state: State, message: Command | Event) -> list[Event]:
    match message:
        case c.TimePassed():
            return _on_time(state, message.due_ms)
        case Command():
            return _on_command(state, message)
        case e.BidOutbid() | e.BidRejected() | e.BidSuperseded() | e.BidLost():
            hold = ledger.hold_id(message.auction_id, message.bidder_id)
            return ledger.release(state.ledger, hold, message.bid_id, message.at_ms)
        case e.SubscriptionRejected():
            hold = ledger.hold_id(message.id, message.buyer_id)
            return ledger.release(state.ledger, hold, message.id, message.at_ms)
        case e.TradeExecuted():
            return _settle(state, message)
        case e.DeadlineScheduled():
            return [e.DeadlineNoted(at_ms=message.at_ms, id=message.id, due_ms=message.due_ms)]
        case _:
            return []


def _on_command(state: State, command: Command) -> list[Event]:
    return decide_once(
        state.memory,
        command,
        state.now_ms,
        lambda: _carry_out(state, command),
        e.InstructionRefused,
    )


def _carry_out(state: State, command: Command) -> list[Event] | Refusal:
    book, grants = state.ledger, state.grants
    match command:
        case c.PlaceBid() | c.Subscribe():
            return [_reserve(state, command)]
        case c.RecordUsage():
            suspended = party.is_suspended(state.parties, command.buyer_id)
            return grant.use(grants.get(command.grant_id), book, command, suspended)
        case c.Deposit():
            return _refuse_account(state, command) or ledger.deposit(book, command)
        case c.Withdraw():
            return _refuse_account(state, command) or ledger.withdraw(book, command)
        case c.PayOut():
            return ledger.pay_out(book, command)
        case c.Refund():
            return refund.refund(state.receipts, book, command)
        case c.TopUpGrant():
            return grant.top_up(grants.get(command.grant_id), book, command)
        case c.RevokeGrant() | c.EndGrant():
            return grant.revoke(grants.get(command.grant_id), book, command)
        case c.SuspendGrant():
            return grant.suspend(grants.get(command.grant_id), command)
        case c.ResumeGrant():
            return grant.resume(grants.get(command.grant_id), command)
        case c.RegisterParty():
            return party.register(state.parties, command)
        case c.ApproveParty():
            return party.approve(state.parties, command, state.terms)
        case c.VerifyParty():
            return party.verify(state.parties, command)
        case c.SuspendParty():
            return party.suspend(state.parties, command)
        case c.ResumeParty():
            return party.resume(state.parties, command)
        case c.ChangeController():
            return party.change_controller(state.parties, command)
        case c.OpenVenue():
            return [
                e.VenueOpened(
                    at_ms=command.at_ms,
                    id=command.id,
                    operator_id=command.operator_id,
                    terms=command.terms,
                )
            ]
        case _:
            raise AssertionError(f"settlement does not take {type(command).__name__}")


def _reserve(state: State, request: c.FundedRequest) -> Event:
    _, payer_id = ledger.hold_of(request)
    if refusal := party.refuse_acting(state.parties, payer_id):
        return e.FundsRefused(at_ms=request.at_ms, request=request, reason=refusal)
    return ledger.reserve(state.ledger, request, state.terms.buyer_fee_bps)


def _refuse_account(state: State, command: c.Deposit | c.Withdraw) -> Refusal | None:
    owner = state.parties.get(command.party_id)
    if owner is None:
        return Refusal.PARTY_UNKNOWN
    if not owner.approved:
        return Refusal.PARTY_NOT_APPROVED
    if isinstance(command, c.Deposit) and command.currency not in state.terms.currencies:
        return Refusal.CURRENCY_NOT_ACCEPTED
    return None


def _on_time(state: State, due_ms: int) -> list[Event]:
    """Advance the clock over one deadline; a tick that nothing waits for any more changes
    nothing.
    """
    waiting_for = next_deadline(state)
    if waiting_for is None or waiting_for > due_ms:
        return []
    happened: list[Event] = [e.TimeAdvanced(at_ms=due_ms, now_ms=due_ms)]
    for at_ms, id in due_by(state.deadlines, due_ms):
        if live := state.grants.get(id):
            happened += grant.expired(live, state.ledger, at_ms)
    return happened


def _settle(state: State, trade: e.TradeExecuted) -> list[Event]:
    """Delivery versus payment in one step: money moves, the rest is released, the right is
    issued.
    """
    seller_fee_bps = state.terms.seller_fee_bps
    treasury_bps = state.terms.treasury_bps(state.parties[trade.supplier_id].kind)
    issued = grant.issue(trade, seller_fee_bps, treasury_bps)
    match trade.offer:
        case FreeOffer():
            return [issued]
        case MeteredOffer():
            into: ledger.Postings = (
                (ledger.prepaid(issued.id, _currency(trade)), trade.price_minor),
            )
            kind, fee = TransferKind.PREPAYMENT, 0
        case AuctionOffer():
            kind, fee = TransferKind.PURCHASE, bps_of(trade.price_minor, trade.buyer_fee_bps)
            into = _proceeds(trade, fee, seller_fee_bps, treasury_bps)
    total = trade.price_minor + fee
    hold = ledger.hold_id(trade.deal_id, trade.buyer_id)
    paid = e.TransferPosted(
        at_ms=trade.at_ms,
        id=derive_id(trade.id, "trf"),
        kind=kind,
        currency=_currency(trade),
        legs=ledger.legs((ledger.reserved(trade.buyer_id, _currency(trade)), -total), *into),
        party_id=trade.buyer_id,
        cause_id=trade.id,
        hold_id=hold,
    )
    released = ledger.release(state.ledger, hold, trade.request_id, trade.at_ms, spent_minor=total)
    return [paid, *released, issued]


def _proceeds(
    trade: e.TradeExecuted, fee_minor: int, seller_fee_bps: int, treasury_bps: int
) -> ledger.Postings:
    venue, treasury, supplier = grant.split(trade.price_minor, seller_fee_bps, treasury_bps)
    currency = _currency(trade)
    return (
        (ledger.available(trade.supplier_id, currency), supplier),
        (ledger.treasury(currency), treasury),
        (ledger.fees(currency), venue + fee_minor),
    )


def _currency(trade: e.TradeExecuted) -> str:
    assert trade.currency is not None, f"{trade.id} has a price but no currency"
    return trade.currency


# --- evolve -----------------------------------------------------------------------------------

_ANSWERS: Final = frozenset(
    {
        e.VenueOpened,
        e.PartyRegistered,
        e.PartyVerified,
        e.PartyApproved,
        e.PartySuspended,
        e.PartyResumed,
        e.ControllerChanged,
        e.InstructionRefused,
        e.GrantSuspended,
        e.GrantResumed,
        e.GrantRevoked,
        e.UsageRecorded,
        e.UsageRefused,
    }
)


def evolve(state: State, event: Event) -> State:
    """Apply one of settlement's own events, in place."""
    match event:
        case e.FundsReserved():
            ledger.apply(state.ledger, event)
            remember(state.memory, event.request.id, event, state.now_ms)
        case e.FundsRefused():
            remember(state.memory, event.request.id, event, state.now_ms)
        case e.FundsReleased():
            ledger.apply(state.ledger, event)
        case e.UsageRecorded():
            grant.used_effect(state.grants[event.grant_id], event)
        case e.UsageCharged():
            ledger.apply(state.ledger, event)
            grant.charged_effect(state.grants[event.grant_id], event)
            refund.moved_effect(state.receipts, event)
        case e.TransferPosted():
            ledger.apply(state.ledger, event)
            refund.moved_effect(state.receipts, event)
            if event.request is not None:
                remember(state.memory, event.request.id, event, state.now_ms)
        case e.DeadlineNoted():
            schedule(state.deadlines, event.id, event.due_ms)
        case e.TimeAdvanced():
            _time_effect(state, event.now_ms)
        case e.GrantIssued():
            state.grants[event.id] = grant.Grant(issued=event)
            if event.expires_at_ms is not None:
                schedule(state.deadlines, event.id, event.expires_at_ms)
        case e.GrantSuspended():
            grant.suspended_effect(state.grants[event.grant_id], event)
        case e.GrantResumed():
            grant.resumed_effect(state.grants[event.grant_id])
        case e.GrantExhausted() | e.GrantExpired() | e.GrantRevoked():
            del state.grants[event.grant_id]
            cancel(state.deadlines, event.grant_id)
            refund.ended_effect(state.receipts, event.grant_id)
        case e.PartyRegistered():
            state.parties[event.id] = Party(
                kind=event.kind, roles=event.roles, controller_id=event.controller_id
            )
        case e.PartyVerified():
            state.parties[event.party_id].verified = True
        case e.PartyApproved():
            state.parties[event.party_id].approved = True
        case e.PartySuspended():
            state.parties[event.party_id].suspended = True
        case e.PartyResumed():
            state.parties[event.party_id].suspended = False
        case e.ControllerChanged():
            state.parties[event.party_id].controller_id = event.controller_id
        case e.VenueOpened():
            state.terms = event.terms
        case e.AccountOpened() | e.InstructionRefused() | e.UsageRefused():
            pass
        case _:
            raise AssertionError(f"{type(event).__name__} is not an event of settlement")
    if type(event) in _ANSWERS and (command_id := getattr(event, "id", None)):
        remember(state.memory, command_id, event, state.now_ms)
    return state


def _time_effect(state: State, now_ms: int) -> None:
    """Matching's deadlines end here; a grant's ends with its own event."""
    state.now_ms = max(state.now_ms, now_ms)  # a deadline may be noted late
    advance(state.memory, now_ms)
    for _, id in due_by(state.deadlines, now_ms):
        if id not in state.grants:
            cancel(state.deadlines, id)
