"""Events of settlement on the topic `ledger`: parties, money, time."""

from schemas.base import Amount, BasisPoints, Event, Id, Millis, Name, OptionalNonce, Reason
from schemas.commands import Deposit, FundedRequest, PayOut, Refund, TopUpGrant, Withdraw
from schemas.money import Currency
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.postings import Leg, TransferKind
from schemas.reasons import Refusal


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


class _OfParty(Event):
    id: Id
    party_id: Id
    operator_id: Id


class PartyVerified(_OfParty):
    method: Name
    evidence: Name


class PartySuspended(_OfParty):
    reason: Reason


class PartyResumed(_OfParty): ...


class ControllerChanged(_OfParty):
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
    request: Deposit | Withdraw | TopUpGrant | Refund | PayOut | None = None


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
    nonce: OptionalNonce = ""


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
