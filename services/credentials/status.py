"""Status lists (W3C Bitstring Status List v1.0): one bit for each grant, in the order of issue.

Bit 0 is the highest of the first byte. A list has 131,072 bits, so that one says little about whose
status is asked for.
"""

import gzip
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from schemas.envelope import iso_time
from services.credentials.signed import CONTEXT, CredentialError

LIST_BITS: Final = 131_072
LIST_BYTES_MAX: Final = 1024 * 1024  # of a list read, unpacked
TTL_MS: Final = 60_000  # how long a copy may be used without asking again
LASTS_MS: Final = 24 * 3_600_000


class Purpose(StrEnum):
    """`revocation`: the grant has ended, for whatever reason; `suspension`: for now."""

    REVOCATION = "revocation"
    SUSPENSION = "suspension"


def list_id(issuer: str, purpose: Purpose, number: int) -> str:
    """Return a list's URN; the venue serves it at /v1/status-lists/{purpose}/{number}."""
    return f"{issuer}:status-lists:{purpose}:{number}"


def entries(issuer: str, index: int) -> list[dict[str, str]]:
    """Return the `credentialStatus` of the grant with this index: one entry for each purpose."""
    number, bit = divmod(index, LIST_BITS)
    return [
        {
            "id": f"{list_id(issuer, purpose, number)}#{bit}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose.value,
            "statusListIndex": str(bit),
            "statusListCredential": list_id(issuer, purpose, number),
        }
        for purpose in Purpose
    ]


def status_list(
    issuer: str, purpose: Purpose, number: int, bits: Iterable[int], at_ms: int
) -> dict[str, Any]:
    """Return the unsigned credential of a list in which these bits are set."""
    id = list_id(issuer, purpose, number)
    return {
        "@context": [CONTEXT],
        "id": id,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": iso_time(at_ms),
        "validUntil": iso_time(at_ms + LASTS_MS),
        "credentialSubject": {
            "id": f"{id}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose.value,
            "encodedList": encode_bits(bits),
            "ttl": TTL_MS,
        },
    }


def encode_bits(bits: Iterable[int]) -> str:
    """Return the list as multibase base64url of its gzip; the same bits give the same text."""
    raw = bytearray(LIST_BITS // 8)
    for bit in bits:
        raw[bit // 8] |= 0x80 >> bit % 8
    return "u" + urlsafe_b64encode(gzip.compress(bytes(raw), mtime=0)).rstrip(b"=").decode()


def is_set(encoded: object, bit: int) -> bool:
    """Whether a bit of an encoded list is set. Raises CredentialError."""
    raw = _decode(encoded)
    if not 0 <= bit < len(raw) * 8:
        raise CredentialError(f"the status list has {len(raw) * 8} bits, and none of index {bit}")
    return bool(raw[bit // 8] & 0x80 >> bit % 8)


def _decode(encoded: object) -> bytes:
    if not isinstance(encoded, str) or not encoded.startswith("u"):
        raise CredentialError("encodedList must be multibase base64url, beginning with u")
    try:
        packed = urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4))
        unpacker = zlib.decompressobj(wbits=31)
        raw = unpacker.decompress(packed, LIST_BYTES_MAX)
    except (ValueError, zlib.error) as error:
        raise CredentialError(f"encodedList cannot be unpacked: {error}") from error
    if unpacker.unconsumed_tail or len(raw) * 8 < LIST_BITS:
        raise CredentialError(f"a status list has from {LIST_BITS} to {LIST_BYTES_MAX * 8} bits")
    return raw
