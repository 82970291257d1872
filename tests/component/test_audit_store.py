"""The stored tree against the reference functions, and checkpoints against every forgery."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from market import merkle
from services.audit.checkpoint import (
    Checkpoint,
    CheckpointError,
    VerifierKey,
    read_verifier,
    sign,
    verify,
)
from services.audit.shelf import SqliteShelf
from services.audit.tree import Tree, leaf_hashes
from services.keys import load_or_make_key

LEAVES = [str(number).encode() for number in range(70_000)]
HASHES = leaf_hashes(LEAVES)
SIZES = (1, 2, 3, 255, 256, 257, 511, 1_000, 65_535, 65_536, 65_537, 70_000)


@pytest.fixture(scope="module")
def tree() -> Tree:
    """A tree that was stored, opened again in the middle, and went on."""
    shelf = SqliteShelf()
    first = Tree(shelf)
    first.append(HASHES[:1_000])
    first.flush()
    first.append(HASHES[1_000:66_000])
    first.flush()
    again = Tree(shelf)
    assert again.size == 66_000 // 256 * 256
    again.append(HASHES[again.size :])
    return again


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_proofs_equal_the_reference(tree: Tree, size: int) -> None:
    leaves = LEAVES[:size]
    root = merkle.root_hash(leaves)
    assert tree.root(size) == root
    for index in {0, size // 3, size - 1}:
        proof = tree.inclusion_proof(index, size)
        assert proof == merkle.inclusion_proof(leaves, index)
        merkle.verify_inclusion(HASHES[index], index, size, proof, root)
    for old_size in {1, size // 3 + 1, size}:
        proof = tree.consistency_proof(old_size, size)
        assert proof == merkle.consistency_proof(leaves, old_size)
        merkle.verify_consistency(old_size, size, proof, tree.root(old_size), root)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 70_001)])
def test_what_is_not_in_the_tree_has_no_proof(tree: Tree, index: int, size: int) -> None:
    with pytest.raises(merkle.ProofError):
        tree.inclusion_proof(index, size)


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def test_a_signed_checkpoint_says_what_was_signed(key: Ed25519PrivateKey) -> None:
    checkpoint = Checkpoint("databourse/gx", 17, b"r" * 32)
    verifier = VerifierKey("databourse/gx", key.public_key())
    assert verify(sign(checkpoint, key), verifier) == checkpoint
    assert verify(sign(checkpoint, key), read_verifier(str(verifier))) == checkpoint


def test_every_changed_byte_of_a_note_is_found(key: Ed25519PrivateKey) -> None:
    note = sign(Checkpoint("databourse/gx", 17, b"r" * 32), key)
    verifier = VerifierKey("databourse/gx", key.public_key())
    for index in range(len(note)):
        changed = bytearray(note)
        changed[index] ^= 1
        assert bytes(changed) != note
        with pytest.raises(CheckpointError):
            verify(bytes(changed), verifier)


def test_a_note_of_another_log_or_key_is_refused(key: Ed25519PrivateKey) -> None:
    note = sign(Checkpoint("databourse/gx", 17, b"r" * 32), key)
    with pytest.raises(CheckpointError, match="not of log"):
        verify(note, VerifierKey("databourse/hn", key.public_key()))
    other = Ed25519PrivateKey.generate()
    with pytest.raises(CheckpointError, match="another key"):
        verify(note, VerifierKey("databourse/gx", other.public_key()))


@pytest.mark.parametrize("text", ["", "a+b", "a+00000000+AAAA", "a+b+c"])
def test_a_broken_verifier_key_is_told(text: str) -> None:
    with pytest.raises(CheckpointError, match="not a verifier key"):
        read_verifier(text)


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.key"
    made, again = load_or_make_key(path), load_or_make_key(path)
    assert made.public_key() == again.public_key()
    assert path.stat().st_mode & 0o777 == 0o600
