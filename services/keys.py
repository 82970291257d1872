"""Keys and secrets: made on first use, readable by their owner alone."""

import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.files import write_whole

SECRET_BYTES: Final = 32


class KeyFileError(ValueError):
    """A key file does not hold what it should."""


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in `path` (PEM, mode 0600), made on first use."""
    if not path.exists():
        write_key(path, Ed25519PrivateKey.generate())
    return read_key(path)


def write_key(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_whole(path, pem)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Raises KeyFileError, and FileNotFoundError when there is none."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise KeyFileError(f"{path} is no private key: restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds another kind of key, not Ed25519")
    return key


def load_or_make_secret(path: Path) -> bytes:
    """Return the secret in `path` (random bytes, mode 0600), made on first use."""
    if not path.exists():
        write_whole(path, secrets.token_bytes(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise KeyFileError(
            f"{path} holds {len(secret)} bytes, not a secret of {SECRET_BYTES}: "
            "restore it from a backup"
        )
    return secret
