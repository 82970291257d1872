"""Checkpoints: the exchange's signed word on how long its log is and what is in it.

The form is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) with an Ed25519
signature, so that other tools read it too.
"""

import base64
import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from market.merkle import HASH_BYTES

_ED25519: Final = b"\x01"
_SIGNATURE_MARK: Final = "— "
# C2SP asks for room for 16 signatures, of which those safe from quantum computers take 5 kB each.
NOTE_BYTES_MAX: Final = 131_072


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
    assert _is_name(checkpoint.origin), "a log's name has neither spaces nor a plus"
    text = _text(checkpoint)
    stamped = _key_hash(checkpoint.origin, _raw(key.public_key())) + key.sign(text.encode())
    signature = base64.b64encode(stamped).decode()
    return f"{text}\n{_SIGNATURE_MARK}{checkpoint.origin} {signature}\n".encode()


def verify(note: bytes, verifier: VerifierKey) -> Checkpoint:
    """Return what the note says. Raises CheckpointError unless the verifier's key signed just
    that; signatures by other keys, a witness's for example, are passed over.
    """
    checkpoint, text, signatures = _parse(note)
    if checkpoint.origin != verifier.name:
        raise CheckpointError(
            f"the note speaks of log {checkpoint.origin!r}, not of log {verifier.name!r}"
        )
    try:
        verifier.key.verify(_signature_by(verifier, signatures), text.encode())
    except InvalidSignature as error:
        raise CheckpointError("the signature does not fit the note") from error
    return checkpoint


def read_verifier(text: str) -> VerifierKey:
    """Raises CheckpointError when the text is not a verifier key, name+hash+base64."""
    try:
        name, key_hash, body = text.strip().split("+", 2)
        decoded = base64.b64decode(body, validate=True)
        key = Ed25519PublicKey.from_public_bytes(decoded[1:])
    except ValueError as error:
        raise CheckpointError(f"not a verifier key (name+hash+base64): {error}") from error
    if not _is_name(name):
        raise CheckpointError("not a verifier key: its name is empty or has spaces")
    if decoded[:1] != _ED25519 or key_hash != _key_hash(name, decoded[1:]).hex():
        raise CheckpointError("not a verifier key: its hash does not fit, or it is not Ed25519")
    return VerifierKey(name, key)


def _parse(note: bytes) -> tuple[Checkpoint, str, str]:
    """Return the checkpoint, the signed text and the signature lines."""
    if len(note) > NOTE_BYTES_MAX:
        raise _no_note(f"it has {len(note)} bytes, more than {NOTE_BYTES_MAX}")
    try:
        body, blank, signatures = note.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise _no_note(str(error)) from error
    if body.count("\n") != 2:
        raise _no_note("it does not begin with the lines origin, size and root, and a blank one")
    origin, size, root = body.split("\n")
    try:
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError as error:
        raise _no_note(str(error)) from error
    text = body + blank[:1]
    if text != _text(checkpoint) or checkpoint.size < 0 or len(checkpoint.root) != HASH_BYTES:
        raise _no_note(f"{size!r} is no tree size or {root!r} no SHA-256 hash")
    return checkpoint, text, signatures


def _no_note(why: str) -> CheckpointError:
    return CheckpointError(f"not a checkpoint note: {why}")


def _text(checkpoint: Checkpoint) -> str:
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def _signature_by(verifier: VerifierKey, signatures: str) -> bytes:
    """Return the signature by this very key, in the one spelling it has."""
    start = f"{_SIGNATURE_MARK}{verifier.name} "
    *lines, rest = signatures.split("\n")
    named = [line.removeprefix(start) for line in lines if line.startswith(start) and not rest]
    key_hash = _key_hash(verifier.name, _raw(verifier.key))
    for encoded in named:
        try:
            stamped = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise CheckpointError(f"the signature is not base64: {error}") from error
        if base64.b64encode(stamped).decode() != encoded:
            raise CheckpointError("the signature is not in the one base64 spelling it has")
        if stamped.startswith(key_hash):
            return stamped[len(key_hash) :]
    if named:
        raise CheckpointError("the note was signed with another key")
    raise CheckpointError(f"the note has no well-formed signature by {verifier.name!r}")


def _is_name(name: str) -> bool:
    return bool(name) and name.isprintable() and not {" ", "+"} & set(name)


def _key_hash(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
