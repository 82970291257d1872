"""Parties: registered, approved, and allowed to deal with each other or not."""

import msgspec

from schemas.base import Event
from schemas.commands import ApproveParty, RegisterParty
from schemas.events import AccountOpened, PartyApproved, PartyRegistered
from schemas.parties import PartyKind, Role
from schemas.reasons import Refusal


class Party(msgspec.Struct, kw_only=True):
    kind: PartyKind
    roles: tuple[Role, ...]
    controller_id: str | None = None
    approved: bool = False


class Admitted(msgspec.Struct, kw_only=True, frozen=True):
    """What matching needs to know of an approved party."""

    roles: tuple[Role, ...]
    controller_id: str | None = None


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


def approve(
    parties: dict[str, Party], command: ApproveParty, currencies: tuple[str, ...]
) -> list[Event] | Refusal:
    party = parties.get(command.party_id)
    if party is None:
        return Refusal.PARTY_UNKNOWN
    if party.approved:
        return Refusal.PARTY_ALREADY_APPROVED
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
        for currency in currencies
    ]
    return [approved, *accounts]


def refuse_to_act(parties: dict[str, Admitted], party_id: str, role: Role) -> Refusal | None:
    party = parties.get(party_id)
    if party is None:
        return Refusal.PARTY_NOT_APPROVED
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
