"""Credentials as JWS (`typ vc+jwt`, `alg EdDSA`): signed, and checked with public keys alone."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.credentials.keys import ALGORITHM, SigningKey

TYPE: Final = "vc+jwt"
MEDIA_TYPE: Final = "application/vc+jwt"
CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"


class CredentialError(ValueError):
    """Not a credential of this venue; the text says why."""


def issuer_of(venue: str) -> str:
    """Return the name that a venue signs under."""
    return f"urn:databourse:venue:{venue}"


def sign(body: dict[str, Any], key: SigningKey) -> str:
    headers = {"typ": TYPE, "kid": key.kid, "cty": "vc"}
    return jwt.encode(body, key.private, algorithm=ALGORITHM, headers=headers)


def verify(token: str, keys: Mapping[str, Ed25519PublicKey], issuer: str) -> dict[str, Any]:
    """Return the credential; times and status are not looked at. Raises CredentialError unless
    `issuer` signed it with one of these keys, given by thumbprint.
    """
    header = _header(token)
    if (header.get("typ"), header.get("alg")) != (TYPE, ALGORITHM):
        raise CredentialError(f"typ and alg must be {TYPE} and {ALGORITHM}, not {header}")
    named = str(header.get("kid"))
    # The first credentials named their key otherwise, so an unknown name is no reason to refuse.
    candidates = [keys[named]] if named in keys else list(keys.values())
    for key in candidates:
        body = _body(token, key)
        if body is not None:
            break
    else:
        raise CredentialError(
            f"the signature is by none of the given keys; it names the key {named!r}"
        )
    if body.get("issuer") != issuer:
        raise CredentialError(f"issued by {body.get('issuer')!r}, not by {issuer!r}")
    return body


def key_id(token: str) -> str:
    return str(_header(token).get("kid"))


def _header(token: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError) as error:
        raise CredentialError(f"not a signed credential: {error}") from error


def _body(token: str, key: Ed25519PublicKey) -> dict[str, Any] | None:
    """Return what the key has signed; None when it did not sign this."""
    try:
        body: dict[str, Any] = jwt.decode(
            token, key, algorithms=[ALGORITHM], options={"verify_aud": False}
        )
    except jwt.InvalidSignatureError:
        return None
    except (jwt.PyJWTError, RecursionError) as error:
        raise CredentialError(f"the form is wrong: {error}") from error
    return body
