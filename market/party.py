"""Parties: registered, verified, approved, suspended; and who may deal with whom."""

from collections.abc import Mapping

import msgspec

from schemas.base import Event
from schemas.commands import (
    ApproveParty,
    ChangeController,
    RegisterParty,
    ResumeParty,
    SuspendParty,
    VerifyParty,
)
from schemas.events import (
    AccountOpened,
    ControllerChanged,
    PartyAdmitted,
    PartyApproved,
    PartyRegistered,
    PartyResumed,
    PartySuspended,
    PartyVerified,
)
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.reasons import Refusal


class Party(msgspec.Struct, kw_only=True):
    kind: PartyKind
    roles: tuple[Role, ...]
    controller_id: str | None = None
    verified: bool = False
    approved: bool = False
    suspended: bool = False


class Admitted(msgspec.Struct, kw_only=True, frozen=True):
    """What matching needs to know of an approved party."""

    roles: tuple[Role, ...]
    controller_id: str | None = None
    suspended: bool = False


# --- settlement: the register -------------------------------------------------------------------


def register(parties: dict[str, Party], command: RegisterParty) -> list[Event] | Refusal:
    if command.id in parties:
        return Refusal.PARTY_EXISTS
    return [
        PartyRegistered(
            at_ms=command.at_ms,
            id=command.id,
            name=command.name,
            kind=command.kind,
            roles=command.roles,
            credit_code=command.credit_code,
            controller_id=command.controller_id,
        )
    ]


def verify(parties: dict[str, Party], command: VerifyParty) -> list[Event] | Refusal:
    """A later verification, by better evidence, stands beside the earlier one on record."""
    if command.party_id not in parties:
        return Refusal.PARTY_UNKNOWN
    return [
        PartyVerified(
            at_ms=command.at_ms,
            id=command.id,
            party_id=command.party_id,
            operator_id=command.operator_id,
            method=command.method,
            evidence=command.evidence,
        )
    ]


def approve(
    parties: dict[str, Party], command: ApproveParty, terms: VenueTerms
) -> list[Event] | Refusal:
    party = parties.get(command.party_id)
    if party is None:
        return Refusal.PARTY_UNKNOWN
    if party.approved:
        return Refusal.PARTY_ALREADY_APPROVED
    if terms.verification_required and not party.verified:
        return Refusal.PARTY_NOT_VERIFIED
    approved = PartyApproved(
        at_ms=command.at_ms,
        id=command.id,
        party_id=command.party_id,
        operator_id=command.operator_id,
        roles=party.roles,
        controller_id=party.controller_id,
    )
    accounts = [
        AccountOpened(at_ms=command.at_ms, party_id=command.party_id, currency=currency)
        for currency in terms.currencies
    ]
    return [approved, *accounts]


def suspend(parties: dict[str, Party], command: SuspendParty) -> list[Event] | Refusal:
    if command.party_id not in parties:
        return Refusal.PARTY_UNKNOWN
    if refusal := refuse_acting(parties, command.party_id):
        return refusal
    return [
        PartySuspended(
            at_ms=command.at_ms,
            id=command.id,
            party_id=command.party_id,
            operator_id=command.operator_id,
            reason=command.reason,
        )
    ]


def resume(parties: dict[str, Party], command: ResumeParty) -> list[Event] | Refusal:
    party = parties.get(command.party_id)
    if party is None:
        return Refusal.PARTY_UNKNOWN
    if not party.suspended:
        return Refusal.PARTY_NOT_SUSPENDED
    return [
        PartyResumed(
            at_ms=command.at_ms,
            id=command.id,
            party_id=command.party_id,
            operator_id=command.operator_id,
        )
    ]


def change_controller(
    parties: dict[str, Party], command: ChangeController
) -> list[Event] | Refusal:
    """The controller need not be a party of this venue; two bodies under one are related all the
    same.
    """
    if command.party_id not in parties:
        return Refusal.PARTY_UNKNOWN
    if command.party_id in _chain(parties, command.controller_id):
        return Refusal.CONTROLLER_INVALID
    return [
        ControllerChanged(
            at_ms=command.at_ms,
            id=command.id,
            party_id=command.party_id,
            operator_id=command.operator_id,
            controller_id=command.controller_id,
        )
    ]


def refuse_acting(parties: dict[str, Party], party_id: str) -> Refusal | None:
    """Say why a party may not begin anything new; None when it may."""
    party = parties.get(party_id)
    if party is None or not party.approved:
        return Refusal.PARTY_NOT_APPROVED
    return Refusal.PARTY_SUSPENDED if party.suspended else None


def is_suspended(parties: Mapping[str, "Party | Admitted"], party_id: str) -> bool:
    known = parties.get(party_id)
    return known is not None and known.suspended


def _chain(parties: dict[str, Party], party_id: str | None) -> set[str]:
    """Return a body and all that control it, as far as they are parties."""
    chain: set[str] = set()
    while party_id is not None and party_id not in chain:
        chain.add(party_id)
        party = parties.get(party_id)
        party_id = party.controller_id if party else None
    return chain


# --- matching: who may deal with whom -----------------------------------------------------------


def admit(
    parties: dict[str, Admitted],
    event: PartyApproved | PartySuspended | PartyResumed | ControllerChanged,
) -> list[Event]:
    """Take note of what is new about a party; nothing while it is not approved."""
    known = parties.get(event.party_id)
    match event:
        case PartyApproved():
            now = Admitted(roles=event.roles, controller_id=event.controller_id)
        case _ if known is None:
            return []
        case ControllerChanged():
            now = msgspec.structs.replace(known, controller_id=event.controller_id)
        case _:
            now = msgspec.structs.replace(known, suspended=isinstance(event, PartySuspended))
    return [
        PartyAdmitted(
            at_ms=event.at_ms,
            party_id=event.party_id,
            roles=now.roles,
            controller_id=now.controller_id,
            suspended=now.suspended,
        )
    ]


def admitted_effect(event: PartyAdmitted) -> Admitted:
    return Admitted(roles=event.roles, controller_id=event.controller_id, suspended=event.suspended)


def refuse_to_act(parties: dict[str, Admitted], party_id: str, role: Role) -> Refusal | None:
    party = parties.get(party_id)
    if party is None:
        return Refusal.PARTY_NOT_APPROVED
    if party.suspended:
        return Refusal.PARTY_SUSPENDED
    return None if role in party.roles else Refusal.ROLE_MISSING


def refuse_to_buy(parties: dict[str, Admitted], buyer_id: str, supplier_id: str) -> Refusal | None:
    """Consignor, operator and the bodies they control may not buy: such bids would move the
    price.
    """
    if refusal := refuse_to_act(parties, buyer_id, Role.BUYER):
        return refusal
    if buyer_id == supplier_id:
        return Refusal.OWN_LISTING
    buyer, supplier = parties[buyer_id], parties[supplier_id]
    if buyer.controller_id is not None:
        if buyer.controller_id in (supplier_id, supplier.controller_id):
            return Refusal.CONTROLLED_BODY
        controller = parties.get(buyer.controller_id)
        if controller is not None and Role.OPERATOR in controller.roles:
            return Refusal.OPERATOR_MAY_NOT_TRADE
    if supplier.controller_id == buyer_id:
        return Refusal.CONTROLLED_BODY
    return Refusal.OPERATOR_MAY_NOT_TRADE if Role.OPERATOR in buyer.roles else None
