"""The keys that sign grants: one at work, the public halves of all before it kept.

`keys/grants/KID.json` is a public key with when it was made, `keys/grants/KID.key` the private half
of the one at work. A KID is the key's RFC 7638 thumbprint, so a name cannot lie about its key.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.files import sync_folder, write_whole
from services.keys import KeyFileError, read_key, write_key

FOLDER: Final = "grants"
FIRST_NAME: Final = "grants.key"  # where the key was while there was only one
ALGORITHM: Final = "EdDSA"
_PUBLIC_MODE: Final = 0o644


class PublicKey(NamedTuple):
    kid: str
    key: Ed25519PublicKey
    created_ms: int


class SigningKey(NamedTuple):
    kid: str
    private: Ed25519PrivateKey


class _Kept(msgspec.Struct):
    """The file of a public key."""

    x: str
    created_ms: int


class GrantKeys:
    """The keys of one market, read again when another process has changed them."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        """`folder` is the market's `keys`. Takes over the one key of an older market, makes the
        first key of a new one, and ends a rotation that was interrupted.
        """
        self._folder = folder / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._names: frozenset[str] = frozenset()
        self._public: list[PublicKey] = []
        self._current: SigningKey | None = None
        self._take_over(folder / FIRST_NAME)
        self._read()
        if self._current is None:
            self.rotate(now_ms)
        self._retire_others()

    @property
    def current(self) -> SigningKey:
        self._read()
        assert self._current is not None, "a market always has a key to sign with"
        return self._current

    @property
    def public(self) -> list[PublicKey]:
        """The public keys of now and before, newest first."""
        self._read()
        return self._public

    def rotate(self, now_ms: int) -> SigningKey:
        """Sign with a new key from now on; the old private key is deleted, its public half kept."""
        self._read()
        newest_ms = max((key.created_ms for key in self._public), default=-1)
        made = Ed25519PrivateKey.generate()
        kid = self._keep_public(made.public_key(), max(now_ms, newest_ms + 1))
        write_key(self._folder / f"{kid}.key", made)
        self._read()
        self._retire_others()
        return self.current

    def _take_over(self, first: Path) -> None:
        if first.exists():
            public = read_key(first).public_key()
            kid = self._keep_public(public, int(first.stat().st_mtime) * 1_000)
            first.rename(self._folder / f"{kid}.key")
            sync_folder(self._folder)

    def _keep_public(self, key: Ed25519PublicKey, created_ms: int) -> str:
        kid = thumbprint(key)
        body = msgspec.json.encode(_Kept(x=_x(key), created_ms=created_ms))
        write_whole(self._folder / f"{kid}.json", body, _PUBLIC_MODE)
        return kid

    def _read(self) -> None:
        names = frozenset(path.name for path in self._folder.iterdir())
        if names == self._names:
            return
        kids = [name.removesuffix(".json") for name in names if name.endswith(".json")]
        self._public = sorted(map(self._public_key, kids), key=lambda key: -key.created_ms)
        for kid in (key.kid for key in self._public if f"{key.kid}.key" in names):
            with suppress(FileNotFoundError):  # retired this moment: a newer one is there
                self._current = SigningKey(kid, read_key(self._folder / f"{kid}.key"))
                break
        self._names = names

    def _public_key(self, kid: str) -> PublicKey:
        path = self._folder / f"{kid}.json"
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
            key = _from_x(kept.x)
        except (msgspec.DecodeError, ValueError) as error:
            raise KeyFileError(f"{path} is no public key: {error}") from error
        if thumbprint(key) != kid:
            raise KeyFileError(
                f"{path} holds the key {thumbprint(key)}, not the one it is named by"
            )
        return PublicKey(kid, key, kept.created_ms)

    def _retire_others(self) -> None:
        for path in self._folder.glob("*.key*"):  # half-written ones of a broken rotation too
            if path.name != f"{self.current.kid}.key":
                path.unlink(missing_ok=True)
        sync_folder(self._folder)


def thumbprint(key: Ed25519PublicKey) -> str:
    """Return the key's RFC 7638 thumbprint: SHA-256 of its required members, base64url."""
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)}, separators=(",", ":"))
    return _base64url(hashlib.sha256(members.encode()).digest())


def jwks(keys: Iterable[PublicKey]) -> dict[str, Any]:
    """Return a JWK set (RFC 7517, RFC 8037)."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": _x(key.key),
                "kid": key.kid,
                "alg": ALGORITHM,
                "use": "sig",
            }
            for key in keys
        ]
    }


def read_public(text: str) -> dict[str, Ed25519PublicKey]:
    """Return keys by thumbprint from a PEM public key or a JWK set. Raises KeyFileError."""
    try:
        if text.lstrip().startswith("-----BEGIN"):
            found = [serialization.load_pem_public_key(text.encode())]
        else:
            found = [_from_x(entry["x"]) for entry in json.loads(text)["keys"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise KeyFileError(
            f"neither a PEM public key nor a JWK set of Ed25519 keys: {error!r}"
        ) from (error)
    keys = [key for key in found if isinstance(key, Ed25519PublicKey)]
    if len(keys) < len(found) or not keys:
        raise KeyFileError("there must be Ed25519 public keys, and nothing else")
    return {thumbprint(key): key for key in keys}


def public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _x(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _base64url(raw)


def _from_x(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
