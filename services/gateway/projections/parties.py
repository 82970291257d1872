"""Parties, accounts and refused commands."""

from typing import Any, Final

from market import ledger
from schemas import events as e
from schemas.envelope import Message
from services.gateway import tables as t
from services.gateway.projections.common import Apply, refuse
from services.gateway.rows import Rows


def _party_registered(rows: Rows, event: e.PartyRegistered, position: int) -> None:
    rows.put(
        t.PartyRow,
        position=position,
        id=event.id,
        name=event.name,
        kind=event.kind.value,
        roles=[role.value for role in event.roles],
        credit_code=event.credit_code,
        controller_id=event.controller_id,
        status="registered",
        verified=False,
        verification="",
        evidence="",
        reason="",
        at_ms=event.at_ms,
    )


def _party_verified(rows: Rows, event: e.PartyVerified, position: int) -> None:
    proof = {"verified": True, "verification": event.method, "evidence": event.evidence}
    rows.change(t.PartyRow, event.party_id, position=position, **proof)


def _party_became(status: str) -> Apply:
    def apply(rows: Rows, event: Any, position: int) -> None:
        reason = getattr(event, "reason", "")
        rows.change(t.PartyRow, event.party_id, status=status, reason=reason, position=position)

    return apply


def _controller_changed(rows: Rows, event: e.ControllerChanged, position: int) -> None:
    rows.change(t.PartyRow, event.party_id, controller_id=event.controller_id, position=position)


def _account_opened(rows: Rows, event: e.AccountOpened, position: int) -> None:
    account = ledger.available(event.party_id, event.currency)
    rows.put(
        t.BalanceRow,
        position=position,
        account=account,
        owner_id=event.party_id,
        currency=event.currency,
        kind="available",
        balance_minor=0,
    )


def _command_refused(
    rows: Rows, event: e.InstructionRefused | e.RequestRefused, position: int
) -> None:
    refuse(rows, event.id, event.reason.value)


APPLY: Final[dict[type[Message], Apply]] = {
    e.PartyRegistered: _party_registered,
    e.PartyVerified: _party_verified,
    e.PartyApproved: _party_became("approved"),
    e.PartySuspended: _party_became("suspended"),
    e.PartyResumed: _party_became("approved"),
    e.ControllerChanged: _controller_changed,
    e.AccountOpened: _account_opened,
    e.InstructionRefused: _command_refused,
    e.RequestRefused: _command_refused,
}
