"""Signing keys: Ed25519, made on first use, readable by their owner alone."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.files import write_whole


class KeyFileError(ValueError):
    """A key file does not hold what it should."""


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in `path` (PEM, mode 0600), made on first use."""
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_whole(path, pem)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise KeyFileError(f"{path} is no private key: restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds another kind of key, not Ed25519")
    return key
