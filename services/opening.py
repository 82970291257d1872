"""How a venue begins: its terms, the calendar, an operator and a regulator with their tokens."""

import json
from pathlib import Path
from typing import Final

from schemas.base import Command
from schemas.commands import ApproveParty, OpenVenue, RegisterParty, SetCalendar, VerifyParty
from schemas.parties import FIRST_PARTIES, PartyKind, Role, VenueTerms
from services.files import write_whole
from services.gateway.tokens import Principal, TokenStore
from services.workdays import load_calendar

TOKENS_NAME: Final = "first-tokens.json"
DEFAULT_TERMS: Final = VenueTerms(
    currencies=("CNY", "USD"), buyer_fee_bps=100, seller_fee_bps=200, verification_required=True
)


def opening_commands(now_ms: int) -> list[Command]:
    """Return what opens a venue. The ids are always the same: sent twice it is done once."""
    operator_id = FIRST_PARTIES[Role.OPERATOR][0]
    commands: list[Command] = [
        OpenVenue(id="cmd_open_venue", at_ms=now_ms, operator_id=operator_id, terms=DEFAULT_TERMS),
        SetCalendar(
            id="cmd_set_calendar",
            at_ms=now_ms,
            operator_id=operator_id,
            calendar=load_calendar(),
        ),
    ]
    for role, (party_id, name) in FIRST_PARTIES.items():
        commands += [
            RegisterParty(
                id=party_id, at_ms=now_ms, name=name, kind=PartyKind.ENTERPRISE, roles=(role,)
            ),
            VerifyParty(
                id=f"cmd_verify_{role}",
                at_ms=now_ms,
                party_id=party_id,
                operator_id=operator_id,
                method="opening of the venue",
                evidence=TOKENS_NAME,
            ),
            ApproveParty(
                id=f"cmd_approve_{role}",
                at_ms=now_ms,
                party_id=party_id,
                operator_id=operator_id,
            ),
        ]
    return commands


def issue_first_tokens(tokens: TokenStore, folder: Path, now_ms: int) -> None:
    """Keep the first parties' tokens in the folder, unless they are there already."""
    path = folder / TOKENS_NAME
    if path.exists():
        return
    issued = {
        role.value: tokens.issue(Principal(party_id, role, token_id=f"tok_first_{role}"), now_ms)
        for role, (party_id, _) in FIRST_PARTIES.items()
    }
    write_whole(path, json.dumps(issued).encode())


def first_tokens(folder: Path) -> dict[str, str]:
    """Return the operator's and the regulator's first tokens by role, as kept in the folder."""
    tokens: dict[str, str] = json.loads((folder / TOKENS_NAME).read_text())
    return tokens
