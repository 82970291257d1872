"""Ids: a role's prefix, an underscore, and a root that everything caused by one command shares."""

import hashlib
from base64 import b32encode
from typing import Final

ROLES: Final = {
    "acc": "access request",
    "alr": "alert",
    "auc": "auction",
    "bid": "bid",
    "cmd": "command that creates nothing",
    "dst": "data set",
    "grt": "grant",
    "idx": "index point",
    "lst": "listing",
    "msg": "message to a webhook",
    "pty": "party",
    "rfd": "refund of what is left prepaid",
    "sta": "statistics of a window",
    "sub": "subscription",
    "tick": "passing of a deadline",
    "tok": "token",
    "trd": "trade",
    "trf": "transfer",
    "usg": "usage record",
    "whk": "webhook",
}
ROOT_LENGTH: Final = 20  # base32 characters: 100 bits
DIGEST_BYTES: Final = 15  # what these characters come from, in whole groups of five


def make_id(role: str, *parts: str) -> str:
    """Return the id that these parts always give: the caller's own, such as (principal, route,
    key).

    The parts are hashed with their lengths, so ("ab", "c") and ("a", "bc") differ.
    """
    assert role in ROLES, f"no role has the prefix {role!r}"
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha256(joined.encode()).digest()
    root = b32encode(digest[:DIGEST_BYTES]).decode().lower()[:ROOT_LENGTH]
    return f"{role}_{root}"


def text_sha256(text: str) -> str:
    """Return what a text is accepted by: the SHA-256 of its UTF-8, or nothing for no text."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def derive_id(parent: str, role: str) -> str:
    """Return the id of what `parent` causes in this role: the same root behind another prefix."""
    assert role in ROLES, f"no role has the prefix {role!r}"
    return f"{role}_{parent.partition('_')[2]}"
