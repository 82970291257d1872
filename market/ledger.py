"""Double entry: accounts, postings, and holds that end exactly once.

Per currency all balances sum to zero and only the outside world may owe. A hold is what one party
has locked for one deal: as much as the dearest of its requests still needs, so raising a bid locks
only the difference.
"""

from typing import Final

import msgspec

from schemas.base import INTEGER_MAX, Event
from schemas.commands import Deposit, FundedRequest, PayOut, PlaceBid, TopUpGrant, Withdraw
from schemas.events import (
    FundsRefused,
    FundsReleased,
    FundsReserved,
    TransferPosted,
    UsageCharged,
)
from schemas.money import bps_of
from schemas.postings import Leg, Purse, TransferKind
from schemas.reasons import Refusal

Postings = tuple[tuple[str, int], ...]  # (account, signed minor units), summing to zero
_OUTSIDE: Final = "external"
_OF_A_PARTY: Final = frozenset({"available", "reserved"})


class Hold(msgspec.Struct, kw_only=True):
    """`needs` maps a request's id to the minor units it may cost; `locked_minor` covers the
    largest. `nonces` are for the records that will release them.
    """

    party_id: str
    currency: str
    locked_minor: int = 0
    needs: dict[str, int] = {}
    nonces: dict[str, str] = {}


class Ledger(msgspec.Struct, kw_only=True):
    """Balances in minor units by account name; holds by hold id. Absent means zero."""

    balances: dict[str, int] = {}
    holds: dict[str, Hold] = {}


# --- accounts ---------------------------------------------------------------------------------


def available(party_id: str, currency: str) -> str:
    return f"{party_id}/{currency}/available"


def reserved(party_id: str, currency: str) -> str:
    return f"{party_id}/{currency}/reserved"


def prepaid(grant_id: str, currency: str) -> str:
    return f"{grant_id}/{currency}/prepaid"


def fees(currency: str) -> str:
    return f"venue/{currency}/fees"


def treasury(currency: str) -> str:
    return f"treasury/{currency}/proceeds"


def external(currency: str) -> str:
    return f"{_OUTSIDE}/{currency}/{_OUTSIDE}"


def hold_id(deal_id: str, party_id: str) -> str:
    return f"{deal_id}/{party_id}"


_PURSES: Final = {Purse.VENUE_FEES: fees, Purse.TREASURY: treasury}


def balance(ledger: Ledger, account: str) -> int:
    return ledger.balances.get(account, 0)


# --- decisions --------------------------------------------------------------------------------


def deposit(ledger: Ledger, command: Deposit) -> list[Event] | Refusal:
    into = available(command.party_id, command.currency)
    outside = external(command.currency)
    if balance(ledger, outside) - command.amount_minor < -INTEGER_MAX:
        return Refusal.BALANCE_LIMIT
    return [_answer(command, TransferKind.DEPOSIT, command.party_id, outside, into)]


def withdraw(ledger: Ledger, command: Withdraw) -> list[Event] | Refusal:
    source, outside = available(command.party_id, command.currency), external(command.currency)
    return _pay(ledger, command, TransferKind.WITHDRAWAL, command.party_id, source, outside)


def pay_out(ledger: Ledger, command: PayOut) -> list[Event] | Refusal:
    source, outside = _PURSES[command.purse](command.currency), external(command.currency)
    return _pay(ledger, command, TransferKind.PAYOUT, command.operator_id, source, outside)


def top_up(ledger: Ledger, command: TopUpGrant) -> list[Event] | Refusal:
    source = available(command.buyer_id, command.currency)
    into = prepaid(command.grant_id, command.currency)
    return _pay(ledger, command, TransferKind.TOP_UP, command.buyer_id, source, into)


def reserve(ledger: Ledger, request: FundedRequest, buyer_fee_bps: int) -> Event:
    """Lock what the request may cost beyond what its hold already has."""
    id, party_id = hold_of(request)
    hold = ledger.holds.get(id)
    locked = hold.locked_minor if hold else 0
    missing = max(0, needed_minor(request, buyer_fee_bps) - locked)
    if hold and hold.currency != request.currency:
        return FundsRefused(at_ms=request.at_ms, request=request, reason=Refusal.CURRENCY_MISMATCH)
    if balance(ledger, available(party_id, request.currency)) < missing:
        return FundsRefused(at_ms=request.at_ms, request=request, reason=Refusal.INSUFFICIENT_FUNDS)
    return FundsReserved(
        at_ms=request.at_ms, request=request, reserved_minor=missing, buyer_fee_bps=buyer_fee_bps
    )


def release(
    ledger: Ledger, id: str, request_id: str, at_ms: int, spent_minor: int = 0
) -> list[Event]:
    """End one request of a hold, `spent_minor` of which is being paid out in the same step."""
    hold = ledger.holds.get(id)
    if hold is None or request_id not in hold.needs:
        return []
    others = max((need for other, need in hold.needs.items() if other != request_id), default=0)
    return [
        FundsReleased(
            at_ms=at_ms,
            request_id=request_id,
            hold_id=id,
            party_id=hold.party_id,
            currency=hold.currency,
            released_minor=max(0, hold.locked_minor - spent_minor - others),
            nonce=hold.nonces.get(request_id, ""),
        )
    ]


def hold_of(request: FundedRequest) -> tuple[str, str]:
    """Return the request's hold id and the party that pays."""
    if isinstance(request, PlaceBid):
        return hold_id(request.auction_id, request.bidder_id), request.bidder_id
    return hold_id(request.id, request.buyer_id), request.buyer_id


def needed_minor(request: FundedRequest, buyer_fee_bps: int) -> int:
    """Return the most the request can cost: a bid's maximum, for all licences it asks for, with
    its fee; a subscription's budget.
    """
    if isinstance(request, PlaceBid):
        price = request.max_price_minor + sum(request.further_minor)
        return price + bps_of(price, buyer_fee_bps)
    return request.budget_minor


def legs(*postings: tuple[str, int]) -> tuple[Leg, ...]:
    """Return the legs of these postings, empty ones left out."""
    assert sum(amount for _, amount in postings) == 0, "the legs of a posting must sum to zero"
    return tuple(
        Leg(account=account, amount_minor=amount) for account, amount in postings if amount
    )


def _pay(
    ledger: Ledger,
    command: Withdraw | TopUpGrant | PayOut,
    kind: TransferKind,
    party_id: str,
    source: str,
    into: str,
) -> list[Event] | Refusal:
    if balance(ledger, source) < command.amount_minor:
        return Refusal.INSUFFICIENT_FUNDS
    return [_answer(command, kind, party_id, source, into)]


def _answer(
    command: Deposit | Withdraw | TopUpGrant | PayOut,
    kind: TransferKind,
    party_id: str,
    source: str,
    into: str,
) -> TransferPosted:
    return TransferPosted(
        at_ms=command.at_ms,
        id=command.id,
        kind=kind,
        currency=command.currency,
        legs=legs((source, -command.amount_minor), (into, command.amount_minor)),
        party_id=party_id,
        cause_id=command.id,
        request=command,
    )


# --- effects ----------------------------------------------------------------------------------


def postings(event: Event) -> Postings:
    """Return what an event moves between accounts; empty for an event that moves nothing."""
    match event:
        case FundsReserved():
            _, party_id = hold_of(event.request)
            return _lock(party_id, event.request.currency, event.reserved_minor)
        case FundsReleased():
            return _lock(event.party_id, event.currency, -event.released_minor)
        case TransferPosted() | UsageCharged():
            return tuple((leg.account, leg.amount_minor) for leg in event.legs)
        case _:
            return ()


def booked_as(account: str) -> str:
    """Return the account that others than its owner see this one as: what is available and what
    is locked are one, since a lock would show a sealed bid.
    """
    owner, currency, kind = account.split("/")
    return f"{owner}/{currency}/held" if kind in _OF_A_PARTY else account


def booked(moves: Postings) -> Postings:
    """Return these postings as others see them; a lock moves nothing."""
    seen: dict[str, int] = {}
    for account, amount in moves:
        account = booked_as(account)
        seen[account] = seen.get(account, 0) + amount
    return tuple((account, amount) for account, amount in seen.items() if amount)


def apply(
    ledger: Ledger, event: FundsReserved | FundsReleased | TransferPosted | UsageCharged
) -> None:
    """Move the money, and keep the holds in step with it."""
    balances = ledger.balances
    for account, amount in postings(event):
        after = balances.get(account, 0) + amount
        assert after >= 0 or account.startswith(f"{_OUTSIDE}/"), f"{account} would fall below zero"
        balances[account] = after
    match event:
        case FundsReserved():
            _open_need(ledger, event)
        case FundsReleased():
            _close_need(ledger, event)
        case TransferPosted() if event.hold_id:
            _pay_out(ledger.holds[event.hold_id], event)


def _lock(party_id: str, currency: str, amount: int) -> Postings:
    if not amount:
        return ()
    return (available(party_id, currency), -amount), (reserved(party_id, currency), amount)


def _open_need(ledger: Ledger, event: FundsReserved) -> None:
    request = event.request
    id, party_id = hold_of(request)
    hold = ledger.holds.get(id)
    if hold is None:
        hold = ledger.holds[id] = Hold(party_id=party_id, currency=request.currency)
    hold.locked_minor += event.reserved_minor
    hold.needs[request.id] = needed_minor(request, event.buyer_fee_bps)
    if isinstance(request, PlaceBid) and request.release_nonce:
        hold.nonces[request.id] = request.release_nonce


def _pay_out(hold: Hold, event: TransferPosted) -> None:
    account = reserved(hold.party_id, hold.currency)
    hold.locked_minor += sum(leg.amount_minor for leg in event.legs if leg.account == account)
    assert hold.locked_minor >= 0, f"{event.hold_id} paid out more than it had locked"


def _close_need(ledger: Ledger, event: FundsReleased) -> None:
    hold = ledger.holds[event.hold_id]
    hold.locked_minor -= event.released_minor
    del hold.needs[event.request_id]
    hold.nonces.pop(event.request_id, None)
    if not hold.needs:
        assert hold.locked_minor == 0, f"{event.hold_id} ended with money still locked"
        del ledger.holds[event.hold_id]
