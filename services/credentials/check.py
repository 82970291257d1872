"""Whether a grant's credential holds at a time: signature, issuer, times, status, all offline."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.envelope import iso_time
from schemas.times import read_iso_time
from services.credentials import status
from services.credentials.signed import CredentialError, key_id, verify


class Verdict(NamedTuple):
    """No findings means it holds. `status` is "clear", "set" or "not checked" for each purpose."""

    findings: list[str]
    status: dict[str, str]
    kid: str
    credential: dict[str, Any]


def check(
    token: str,
    lists: Sequence[str],
    keys: Mapping[str, Ed25519PublicKey],
    issuer: str,
    at_ms: int,
) -> Verdict:
    """Check a credential; a purpose that no status list is given for is not checked."""
    try:
        body = verify(token, keys, issuer)
        kid = key_id(token)
    except CredentialError as error:
        return Verdict([str(error)], {}, "", {})
    findings = _time_faults("the grant", body, at_ms)
    told = {entry["statusPurpose"]: "not checked" for entry in _entries(body)}
    for listed in lists:
        try:
            purpose, is_set, faults = _look_up(body, verify(listed, keys, issuer), at_ms)
        except CredentialError as error:
            findings.append(f"status list: {error}")
            continue
        findings += faults
        told[purpose] = "set" if is_set else "clear"
        if is_set:
            ended = purpose == status.Purpose.REVOCATION
            findings.append("the grant has ended" if ended else f"the grant is under {purpose}")
    return Verdict(findings, told, kid, body)


def _look_up(
    body: dict[str, Any], listed: dict[str, Any], at_ms: int
) -> tuple[str, bool, list[str]]:
    """Return a list's purpose, whether the grant's bit is set in it, and what is wrong with it."""
    subject = listed.get("credentialSubject")
    if not isinstance(subject, dict) or subject.get("type") != "BitstringStatusList":
        raise CredentialError("this is no status list")
    for entry in _entries(body):
        if entry["statusListCredential"] != listed.get("id"):
            continue
        purpose = entry["statusPurpose"]
        if subject.get("statusPurpose") != purpose:
            raise CredentialError(
                f"its purpose is {subject.get('statusPurpose')!r}, not {purpose!r}"
            )
        bit = entry["statusListIndex"]
        index = int(bit) if bit.isascii() and bit.isdecimal() and len(bit) < 10 else -1
        is_set = status.is_set(subject.get("encodedList"), index)
        return purpose, is_set, _time_faults("the status list", listed, at_ms, open_start=True)
    raise CredentialError(f"{listed.get('id')} is not a list that the credential names")


def _entries(body: dict[str, Any]) -> list[dict[str, str]]:
    """Return the status entries that are as they must be."""
    found = body.get("credentialStatus", [])
    names = ("statusPurpose", "statusListIndex", "statusListCredential")
    return [
        entry
        for entry in (found if isinstance(found, list) else [found])
        if isinstance(entry, dict)
        if entry.get("type") == "BitstringStatusListEntry"
        if all(isinstance(entry.get(name), str) for name in names)
    ]


def _time_faults(
    what: str, body: dict[str, Any], at_ms: int, *, open_start: bool = False
) -> list[str]:
    """Say what of validFrom and validUntil is broken or not kept at this time."""
    faults = []
    try:
        since, until = _moment(body.get("validFrom")), _moment(body.get("validUntil"))
    except ValueError:
        return [f"{what} has times that cannot be read"]
    if since is not None and at_ms < since and not open_start:
        faults.append(f"{what} is valid only from {body['validFrom']}, not at {iso_time(at_ms)}")
    if until is not None and at_ms >= until:
        faults.append(f"{what} was valid until {body['validUntil']}, not at {iso_time(at_ms)}")
    return faults


def _moment(text: object) -> int | None:
    """Return epoch ms, None for no text. Raises ValueError."""
    return None if text is None else read_iso_time(str(text))
