"""Grants: the right to use, what has been used of it, and what each use costs.

`used` is one number for the tariff and for the policy's `count`. Charges and shares are cumulative
functions of it, and a use costs the difference, so a thousand small uses cost what one large would.
"""

from enum import StrEnum

import msgspec

from market import ledger, meter, policy
from schemas.base import INTEGER_MAX, Event
from schemas.catalogue import MeteredOffer
from schemas.commands import (
    EndGrant,
    RecordUsage,
    ResumeGrant,
    RevokeGrant,
    SuspendGrant,
    TopUpGrant,
)
from schemas.events import (
    GrantExhausted,
    GrantExpired,
    GrantIssued,
    GrantResumed,
    GrantRevoked,
    GrantSuspended,
    TradeExecuted,
    TransferPosted,
    UsageCharged,
    UsageRecorded,
    UsageRefused,
)
from schemas.ids import derive_id
from schemas.money import bps_of
from schemas.policy import UseRequest
from schemas.postings import TransferKind
from schemas.reasons import Refusal

OUT_OF_PREPAID = "prepaid_exhausted"  # the one suspension that a top-up ends


class Status(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Grant(msgspec.Struct, kw_only=True):
    """A live grant. `issued` holds its terms; a grant that has ended is no longer in the state."""

    issued: GrantIssued
    status: Status = Status.ACTIVE
    suspended_for: str = ""
    used: int = 0
    charged_minor: int = 0


class Bill(msgspec.Struct, frozen=True, gc=False):
    """What a further use costs: the tariff's charge, the buyer's fee on it, and who receives it."""

    charge_minor: int
    fee_minor: int
    venue_minor: int
    treasury_minor: int
    supplier_minor: int

    @property
    def total_minor(self) -> int:
        return self.charge_minor + self.fee_minor


def issue(trade: TradeExecuted, seller_fee_bps: int, treasury_bps: int) -> GrantIssued:
    lasts_ms = trade.grant_terms.lasts_ms
    return GrantIssued(
        at_ms=trade.at_ms,
        id=derive_id(trade.id, "grt"),
        trade_id=trade.id,
        listing_id=trade.listing_id,
        data_set_id=trade.data_set_id,
        content_sha256=trade.content_sha256,
        supplier_id=trade.supplier_id,
        buyer_id=trade.buyer_id,
        policy=trade.grant_terms.policy,
        tariff=trade.offer.tariff if isinstance(trade.offer, MeteredOffer) else None,
        expires_at_ms=None if lasts_ms is None else min(trade.at_ms + lasts_ms, INTEGER_MAX),
        currency=trade.currency,
        buyer_fee_bps=trade.buyer_fee_bps,
        seller_fee_bps=seller_fee_bps,
        treasury_bps=treasury_bps,
        purpose=trade.purpose,
        revision=trade.revision,
        follows_revisions=trade.grant_terms.follows_revisions,
        licences=trade.quantity,
        accepted_sha256=trade.accepted_sha256,
    )


def use(
    grant: Grant | None,
    book: ledger.Ledger,
    command: RecordUsage,
    buyer_suspended: bool,
) -> list[Event]:
    """Check, record and charge one use, or refuse it; what cannot be paid suspends the grant."""
    refused = _refuse_use(grant, command, buyer_suspended)
    if grant is None or refused is not None:
        return [_refusal(command, *(refused or (Refusal.GRANT_UNKNOWN, "")))]
    used_total = grant.used + command.quantity
    bill = bill_for(grant, used_total)
    if bill is not None and bill.total_minor > prepaid_minor(grant, book):
        suspended = GrantSuspended(
            at_ms=command.at_ms,
            grant_id=command.grant_id,
            buyer_id=command.buyer_id,
            reason=OUT_OF_PREPAID,
        )
        return [_refusal(command, Refusal.PREPAID_EXHAUSTED, ""), suspended]
    recorded = UsageRecorded(
        at_ms=command.at_ms,
        id=command.id,
        grant_id=command.grant_id,
        buyer_id=command.buyer_id,
        quantity=command.quantity,
        used_total=used_total,
        purpose=command.purpose,
        spatial=command.spatial,
        delivery=command.delivery,
    )
    events: list[Event] = [recorded]
    if bill is not None and bill.total_minor:
        events.append(_charged(grant, command, bill))
    if policy.is_exhausted(grant.issued.policy, used_total):
        events += exhausted(grant, book, command.at_ms, spent_minor=bill.total_minor if bill else 0)
    return events


def bill_for(grant: Grant, used_total: int) -> Bill | None:
    """Return what using up to `used_total` units costs beyond what was charged; None without a
    tariff.
    """
    issued = grant.issued
    if issued.tariff is None:
        return None
    before, after = grant.charged_minor, meter.price(issued.tariff, used_total)
    was, now = (
        split(gross, issued.seller_fee_bps, issued.treasury_bps) for gross in (before, after)
    )
    venue, treasury, supplier = (later - earlier for earlier, later in zip(was, now, strict=True))
    fee = bps_of(after, issued.buyer_fee_bps) - bps_of(before, issued.buyer_fee_bps)
    return Bill(after - before, fee, venue, treasury, supplier)


def split(gross_minor: int, seller_fee_bps: int, treasury_bps: int) -> tuple[int, int, int]:
    """Return what venue, treasury and supplier receive of a price; the three add up.

    Two roundings in a row, each of two parts, so that no share ever falls as the price grows. (One
    largest-remainder split of three parts lacks that, and a use would then take money back.)
    """
    venue = bps_of(gross_minor, seller_fee_bps)
    treasury = bps_of(gross_minor - venue, treasury_bps)
    return venue, treasury, gross_minor - venue - treasury


def prepaid_minor(grant: Grant, book: ledger.Ledger) -> int:
    currency = grant.issued.currency
    return (
        0 if currency is None else ledger.balance(book, ledger.prepaid(grant.issued.id, currency))
    )


def suspend(grant: Grant | None, command: SuspendGrant) -> list[Event] | Refusal:
    if grant is None:
        return Refusal.GRANT_UNKNOWN
    if grant.status is Status.SUSPENDED and grant.suspended_for != OUT_OF_PREPAID:
        return Refusal.GRANT_SUSPENDED
    if command.reason == OUT_OF_PREPAID:
        return Refusal.REASON_RESERVED
    return [
        GrantSuspended(
            at_ms=command.at_ms,
            grant_id=command.grant_id,
            buyer_id=grant.issued.buyer_id,
            reason=command.reason,
            id=command.id,
        )
    ]


def resume(grant: Grant | None, command: ResumeGrant) -> list[Event] | Refusal:
    if grant is None:
        return Refusal.GRANT_UNKNOWN
    if grant.status is not Status.SUSPENDED:
        return Refusal.GRANT_NOT_SUSPENDED
    return [_resumed(grant, command.at_ms, command.id)]


def top_up(grant: Grant | None, book: ledger.Ledger, command: TopUpGrant) -> list[Event] | Refusal:
    """Add to the prepaid budget; a grant suspended for want of it goes on."""
    if grant is None:
        return Refusal.GRANT_UNKNOWN
    if grant.issued.buyer_id != command.buyer_id:
        return Refusal.NOT_OWNER
    if grant.issued.tariff is None:
        return Refusal.GRANT_NOT_METERED
    if grant.issued.currency != command.currency:
        return Refusal.CURRENCY_MISMATCH
    posted = ledger.top_up(book, command)
    if isinstance(posted, Refusal):
        return posted
    goes_on = grant.status is Status.SUSPENDED and grant.suspended_for == OUT_OF_PREPAID
    return [*posted, _resumed(grant, command.at_ms, None)] if goes_on else posted


def revoke(
    grant: Grant | None, book: ledger.Ledger, command: RevokeGrant | EndGrant
) -> list[Event] | Refusal:
    """End a grant before its time: its buyer gives it back, or the operator revokes it."""
    if grant is None:
        return Refusal.GRANT_UNKNOWN
    if isinstance(command, EndGrant) and grant.issued.buyer_id != command.buyer_id:
        return Refusal.NOT_OWNER
    revoked = GrantRevoked(
        at_ms=command.at_ms,
        grant_id=command.grant_id,
        buyer_id=grant.issued.buyer_id,
        reason=command.reason if isinstance(command, RevokeGrant) else "given_back",
        id=command.id,
    )
    return [revoked, *_return_prepaid(grant, book, command.at_ms)]


def expired(grant: Grant, book: ledger.Ledger, at_ms: int) -> list[Event]:
    ended = GrantExpired(at_ms=at_ms, grant_id=grant.issued.id, buyer_id=grant.issued.buyer_id)
    return [ended, *_return_prepaid(grant, book, at_ms)]


def exhausted(grant: Grant, book: ledger.Ledger, at_ms: int, spent_minor: int = 0) -> list[Event]:
    ended = GrantExhausted(at_ms=at_ms, grant_id=grant.issued.id, buyer_id=grant.issued.buyer_id)
    return [ended, *_return_prepaid(grant, book, at_ms, spent_minor)]


# --- effects ----------------------------------------------------------------------------------


def used_effect(grant: Grant, event: UsageRecorded) -> None:
    grant.used = event.used_total


def charged_effect(grant: Grant, event: UsageCharged) -> None:
    grant.charged_minor = event.charged_total_minor


def suspended_effect(grant: Grant, event: GrantSuspended) -> None:
    grant.status, grant.suspended_for = Status.SUSPENDED, event.reason


def resumed_effect(grant: Grant) -> None:
    grant.status, grant.suspended_for = Status.ACTIVE, ""


# --- helpers ----------------------------------------------------------------------------------


def _refuse_use(
    grant: Grant | None, command: RecordUsage, buyer_suspended: bool
) -> tuple[Refusal, str] | None:
    if grant is None:
        return Refusal.GRANT_UNKNOWN, ""
    issued = grant.issued
    if issued.buyer_id != command.buyer_id:
        return Refusal.NOT_OWNER, ""
    if buyer_suspended:
        return Refusal.PARTY_SUSPENDED, ""
    if grant.status is Status.SUSPENDED:
        return Refusal.GRANT_SUSPENDED, grant.suspended_for
    if issued.expires_at_ms is not None and command.at_ms >= issued.expires_at_ms:
        return Refusal.GRANT_EXPIRED, ""
    if grant.used + command.quantity > INTEGER_MAX:
        return Refusal.USAGE_LIMIT, ""
    decision = policy.evaluate(
        issued.policy,
        UseRequest(
            action="use",
            at_ms=command.at_ms,
            count_after=grant.used + command.quantity,
            purpose=command.purpose,
            spatial=command.spatial,
            recipient=command.buyer_id,
        ),
    )
    return None if decision.allowed else (Refusal.POLICY_DENIES, decision.reason)


def _refusal(command: RecordUsage, reason: Refusal, detail: str) -> UsageRefused:
    return UsageRefused(
        at_ms=command.at_ms,
        id=command.id,
        grant_id=command.grant_id,
        buyer_id=command.buyer_id,
        quantity=command.quantity,
        reason=reason,
        detail=detail,
    )


def _charged(grant: Grant, command: RecordUsage, bill: Bill) -> UsageCharged:
    issued = grant.issued
    currency = issued.currency
    assert currency is not None, f"{issued.id} has a tariff but no currency"
    return UsageCharged(
        at_ms=command.at_ms,
        usage_id=command.id,
        grant_id=issued.id,
        buyer_id=issued.buyer_id,
        currency=currency,
        charge_minor=bill.charge_minor,
        fee_minor=bill.fee_minor,
        charged_total_minor=grant.charged_minor + bill.charge_minor,
        legs=ledger.legs(
            (ledger.prepaid(issued.id, currency), -bill.total_minor),
            (ledger.available(issued.supplier_id, currency), bill.supplier_minor),
            (ledger.treasury(currency), bill.treasury_minor),
            (ledger.fees(currency), bill.venue_minor + bill.fee_minor),
        ),
    )


def _resumed(grant: Grant, at_ms: int, command_id: str | None) -> GrantResumed:
    return GrantResumed(
        at_ms=at_ms, grant_id=grant.issued.id, buyer_id=grant.issued.buyer_id, id=command_id
    )


def _return_prepaid(
    grant: Grant, book: ledger.Ledger, at_ms: int, spent_minor: int = 0
) -> list[Event]:
    """Return what is left prepaid to the buyer; `spent_minor` of it is being charged in this
    step.
    """
    issued = grant.issued
    left = prepaid_minor(grant, book) - spent_minor
    if not left or issued.currency is None:
        return []
    return [
        TransferPosted(
            at_ms=at_ms,
            id=derive_id(issued.id, "rfd"),
            kind=TransferKind.REFUND,
            currency=issued.currency,
            legs=ledger.legs(
                (ledger.prepaid(issued.id, issued.currency), -left),
                (ledger.available(issued.buyer_id, issued.currency), left),
            ),
            party_id=issued.buyer_id,
            cause_id=issued.id,
        )
    ]
