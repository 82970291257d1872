"""Checkpoints: the exchange's signed word on how long its log is and what is in it.

The form is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) with an Ed25519
signature, so that other tools read it too.
"""

import base64
import binascii
import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from market.merkle import HASH_BYTES

_ED25519: Final = b"\x01"
_SIGNATURE_MARK: Final = "— "
NOTE_BYTES_MAX: Final = 4_096


class CheckpointError(ValueError):
    """A note is not a checkpoint of this log under this key; the text says why."""


class Checkpoint(NamedTuple):
    origin: str
    size: int
    root: bytes


class VerifierKey(NamedTuple):
    """The public side: a name and an Ed25519 key, written `name+hash+base64` as C2SP does."""

    name: str
    key: Ed25519PublicKey

    def __str__(self) -> str:
        raw = _raw(self.key)
        body = base64.b64encode(_ED25519 + raw).decode()
        return f"{self.name}+{_key_hash(self.name, raw).hex()}+{body}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> bytes:
    """Return the signed note; the signer's name is the checkpoint's origin."""
    text = _text(checkpoint)
    stamped = _key_hash(checkpoint.origin, _raw(key.public_key())) + key.sign(text.encode())
    signature = base64.b64encode(stamped).decode()
    return f"{text}\n{_SIGNATURE_MARK}{checkpoint.origin} {signature}\n".encode()


def verify(note: bytes, verifier: VerifierKey) -> Checkpoint:
    """Return what the note says. Raises CheckpointError unless the verifier's key signed just
    that.
    """
    try:
        text, _, signatures = note.decode().rpartition("\n\n")
        origin, size, root = text.split("\n")
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except (UnicodeDecodeError, ValueError) as error:
        raise CheckpointError(f"not a checkpoint note: {error}") from error
    if len(note) > NOTE_BYTES_MAX or len(checkpoint.root) != HASH_BYTES:
        raise CheckpointError(
            "not a checkpoint note: it is too long, or its root is no SHA-256 hash"
        )
    if origin != verifier.name or _text(checkpoint) != f"{text}\n":
        raise CheckpointError(f"the note speaks of {origin!r} {size}, not of log {verifier.name!r}")
    stamped = _signature_of(signatures, verifier.name)
    if stamped[:4] != _key_hash(verifier.name, _raw(verifier.key)):
        raise CheckpointError("the note was signed with another key")
    try:
        verifier.key.verify(stamped[4:], f"{text}\n".encode())
    except InvalidSignature as error:
        raise CheckpointError("the signature does not fit the note") from error
    return checkpoint


def read_verifier(text: str) -> VerifierKey:
    """Raises CheckpointError when the text is not a verifier key, name+hash+base64."""
    try:
        name, key_hash, body = text.strip().split("+", 2)
        decoded = base64.b64decode(body, validate=True)
        key = Ed25519PublicKey.from_public_bytes(decoded[1:])
    except (ValueError, binascii.Error) as error:
        raise CheckpointError(f"not a verifier key (name+hash+base64): {error}") from error
    if decoded[:1] != _ED25519 or key_hash != _key_hash(name, decoded[1:]).hex():
        raise CheckpointError("not a verifier key: its hash does not fit, or it is not Ed25519")
    return VerifierKey(name, key)


def _text(checkpoint: Checkpoint) -> str:
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def _signature_of(signatures: str, name: str) -> bytes:
    """Return the signature by `name`, in the one spelling it has."""
    *lines, rest = signatures.split("\n")
    for line in lines:
        mark, _, encoded = line.rpartition(" ")
        if mark == f"{_SIGNATURE_MARK}{name}" and not rest:
            try:
                stamped = base64.b64decode(encoded, validate=True)
            except binascii.Error as error:
                raise CheckpointError(f"the signature is not base64: {error}") from error
            if base64.b64encode(stamped).decode() == encoded:
                return stamped
    raise CheckpointError(f"the note has no well-formed signature by {name!r}")


def _key_hash(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
