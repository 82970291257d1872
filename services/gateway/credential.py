"""A grant as a W3C Verifiable Credential 2.0, signed at the edge, verifiable with the public key
alone.
"""

from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.envelope import iso_time
from services.gateway.tables import GrantRow

ALGORITHM: Final = "EdDSA"
TYPE: Final = "vc+jwt"
_ODRL_TYPES: Final = {"count": "xsd:integer", "dateTime": "xsd:dateTime"}


class CredentialError(ValueError):
    """Not a credential of this venue; the text says why."""


def credential(grant: GrantRow, issuer: str) -> dict[str, Any]:
    """Return the unsigned credential: an ODRL agreement between supplier and buyer."""
    until = {} if grant.expires_at_ms is None else {"validUntil": iso_time(grant.expires_at_ms)}
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/odrl.jsonld"],
        "id": f"urn:databourse:{grant.id}",
        "type": ["VerifiableCredential", "DataUseGrant"],
        "issuer": issuer,
        "validFrom": iso_time(grant.at_ms),
        **until,
        "credentialSubject": {
            "id": f"urn:databourse:{grant.buyer_id}",
            "trade": f"urn:databourse:{grant.trade_id}",
            "contentSha256": grant.content_sha256,
            "agreement": _agreement(grant),
        },
    }


def sign(body: dict[str, Any], key: Ed25519PrivateKey, key_id: str) -> str:
    return jwt.encode(
        body, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key_id, "cty": "vc"}
    )


def verify(token: str, key: Ed25519PublicKey, issuer: str) -> dict[str, Any]:
    """Return the credential. Raises CredentialError unless `issuer` signed it with this key."""
    try:
        header = jwt.get_unverified_header(token)
        if (header.get("typ"), header.get("alg")) != (TYPE, ALGORITHM):
            raise CredentialError(f"typ and alg must be {TYPE} and {ALGORITHM}, not {header}")
        body: dict[str, Any] = jwt.decode(
            token, key, algorithms=[ALGORITHM], options={"verify_aud": False}
        )
    except jwt.PyJWTError as error:
        raise CredentialError(f"the signature or form is wrong: {error}") from error
    if body.get("issuer") != issuer:
        raise CredentialError(f"issued by {body.get('issuer')!r}, not by {issuer!r}")
    return body


def public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


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
        value = iso_time(value)
    typed = {"@value": value, "@type": _ODRL_TYPES[operand]} if operand in _ODRL_TYPES else value
    return {"leftOperand": operand, "operator": constraint["operator"], "rightOperand": typed}
