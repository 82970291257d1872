"""A grant as a W3C Verifiable Credential 2.0: an ODRL agreement, and where its status is told."""

from typing import Any, Final

from schemas.envelope import iso_time
from services.credentials import status
from services.credentials.signed import CONTEXT
from services.gateway.tables import GrantRow

_LAST_MS: Final = 253_402_300_799_999  # what can be written as a date
_ODRL_TYPES: Final = {"count": "xsd:integer", "dateTime": "xsd:dateTime"}


def credential(grant: GrantRow, issuer: str) -> dict[str, Any]:
    """Return the unsigned credential: an ODRL agreement between supplier and buyer."""
    until = _time(grant.expires_at_ms)
    return {
        "@context": [CONTEXT, "https://www.w3.org/ns/odrl.jsonld"],
        "id": f"urn:databourse:{grant.id}",
        "type": ["VerifiableCredential", "DataUseGrant"],
        "issuer": issuer,
        "validFrom": iso_time(grant.at_ms),
        **({} if until is None else {"validUntil": until}),
        "credentialSubject": {
            "id": f"urn:databourse:{grant.buyer_id}",
            "trade": f"urn:databourse:{grant.trade_id}",
            "contentSha256": grant.content_sha256,
            "agreement": _agreement(grant),
        },
        "credentialStatus": status.entries(issuer, grant.status_index),
    }


def _agreement(grant: GrantRow) -> dict[str, Any]:
    permissions = [
        {
            "action": permission["action"],
            "target": f"urn:databourse:{grant.data_set_id}",
            "constraint": [
                _constraint(constraint) for constraint in permission.get("constraints", ())
            ],
        }
        for permission in grant.policy["permissions"]
    ]
    return {
        "type": "Agreement",
        "uid": f"urn:databourse:{grant.id}:policy",
        "assigner": f"urn:databourse:{grant.supplier_id}",
        "assignee": f"urn:databourse:{grant.buyer_id}",
        "permission": permissions,
    }


def _constraint(constraint: dict[str, Any]) -> dict[str, Any]:
    operand, value = constraint["left_operand"], constraint["right_operand"]
    if operand == "dateTime" and isinstance(value, int):
        value = _time(value) or value
    typed = {"@value": value, "@type": _ODRL_TYPES[operand]} if operand in _ODRL_TYPES else value
    return {"leftOperand": operand, "operator": constraint["operator"], "rightOperand": typed}


def _time(at_ms: int | None) -> str | None:
    """Return a time as text; None for none, and for one beyond the year 9999."""
    return None if at_ms is None or not 0 <= at_ms <= _LAST_MS else iso_time(at_ms)
