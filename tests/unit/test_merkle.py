"""The tree against the published vectors of RFC 6962, and its proofs against every tampering."""

import json
from pathlib import Path

import pytest

from market import merkle
from market.merkle import ProofError

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "rfc6962.json").read_text())
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves_hex"]]
MANY = [bytes([index]) * (index % 7) for index in range(64)]


def hashes(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


@pytest.mark.parametrize("size", range(9))
def test_root_of_each_published_size(size: int) -> None:
    published = VECTORS["roots_by_size_0_to_8"][size]
    assert merkle.root_hash(LEAVES[:size]).hex() == published


@pytest.mark.parametrize("case", VECTORS["published_inclusion"])
def test_published_inclusion_proof_verifies(case: dict) -> None:
    leaf, root = bytes.fromhex(case["leaf_hash"]), bytes.fromhex(case["root"])
    proof = hashes(case["proof"])
    merkle.verify_inclusion(leaf, case["index"], case["size"], proof, root)
    assert merkle.inclusion_proof(LEAVES[: case["size"]], case["index"]) == proof


@pytest.mark.parametrize("case", VECTORS["published_consistency"])
def test_published_consistency_proof_verifies(case: dict) -> None:
    roots = hashes([case["root1"], case["root2"]])
    proof = hashes(case["proof"])
    merkle.verify_consistency(case["size1"], case["size2"], proof, *roots)
    assert merkle.consistency_proof(LEAVES[: case["size2"]], case["size1"]) == proof


@pytest.mark.parametrize("size", range(1, 65))
def test_every_inclusion_proof_verifies_and_no_altered_one_does(size: int) -> None:
    leaves = MANY[:size]
    root = merkle.root_hash(leaves)
    for index, leaf in enumerate(leaves):
        leaf_hash = merkle.leaf_hash(leaf)
        proof = merkle.inclusion_proof(leaves, index)
        merkle.verify_inclusion(leaf_hash, index, size, proof, root)
        for altered in alterations(proof):
            with pytest.raises(ProofError):
                merkle.verify_inclusion(leaf_hash, index, size, altered, root)
        with pytest.raises(ProofError):
            merkle.verify_inclusion(flip(leaf_hash), index, size, proof, root)
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf_hash, index, size, proof, flip(root))
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf_hash, (index + 1) % (size + 1), size, proof, root)


def test_a_proof_is_refused_under_every_size_whose_path_is_of_another_length() -> None:
    """Paths of one length are told apart by the checkpoint alone, which signs size and root."""
    for size in range(1, 65):
        leaves, root = MANY[:size], merkle.root_hash(MANY[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(leaves, index)
            leaf_hash = merkle.leaf_hash(leaves[index])
            for other in range(index + 1, 65):
                if path_length(index, other) != len(proof):
                    with pytest.raises(ProofError, match=r"more than|fewer than"):
                        merkle.verify_inclusion(leaf_hash, index, other, proof, root)


@pytest.mark.parametrize(("old_size", "new_size"), [(-1, 8), (9, 8)])
def test_no_proof_that_a_tree_began_with_a_larger_one_or_none(old_size: int, new_size: int) -> None:
    root = merkle.root_hash(LEAVES)
    with pytest.raises(ProofError, match=f"a tree of {old_size} cannot be the beginning"):
        merkle.consistency_proof(LEAVES[:new_size], old_size)
    with pytest.raises(ProofError, match=f"a tree of {old_size} cannot be the beginning"):
        merkle.verify_consistency(old_size, new_size, [], root, root)


@pytest.mark.parametrize("new_size", range(1, 65))
def test_every_consistency_proof_verifies_and_no_altered_one_does(new_size: int) -> None:
    leaves = MANY[:new_size]
    new_root = merkle.root_hash(leaves)
    for old_size in range(1, new_size + 1):
        old_root = merkle.root_hash(leaves[:old_size])
        proof = merkle.consistency_proof(leaves, old_size)
        merkle.verify_consistency(old_size, new_size, proof, old_root, new_root)
        for altered in alterations(proof):
            with pytest.raises(ProofError):
                merkle.verify_consistency(old_size, new_size, altered, old_root, new_root)
        for roots in ((flip(old_root), new_root), (old_root, flip(new_root))):
            with pytest.raises(ProofError):
                merkle.verify_consistency(old_size, new_size, proof, *roots)


def test_a_tree_of_nothing_is_the_beginning_of_none() -> None:
    root = merkle.root_hash(LEAVES)
    with pytest.raises(ProofError, match="a tree of 0"):
        merkle.consistency_proof(LEAVES, 0)
    with pytest.raises(ProofError, match="a tree of 0"):
        merkle.verify_consistency(0, 8, [], merkle.EMPTY_ROOT, root)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_refused(length: int) -> None:
    odd, root = b"x" * length, merkle.root_hash(LEAVES[:1])
    good = merkle.leaf_hash(LEAVES[0])
    for leaf, proof, top in ((odd, [], root), (good, [odd], root), (good, [], odd)):
        with pytest.raises(ProofError, match="a hash has 32 bytes"):
            merkle.verify_inclusion(leaf, 0, 1, proof, top)
    for old, proof, new in ((odd, [], root), (root, [odd], root), (root, [], odd)):
        with pytest.raises(ProofError, match="a hash has 32 bytes"):
            merkle.verify_consistency(1, 1, proof, old, new)


@pytest.mark.parametrize("index", [-1, 8, 100])
def test_no_proof_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(ProofError, match="there is no leaf"):
        merkle.inclusion_proof(LEAVES, index)
    with pytest.raises(ProofError, match="there is no leaf"):
        merkle.verify_inclusion(merkle.leaf_hash(LEAVES[0]), index, 8, [], merkle.root_hash(LEAVES))


def flip(value: bytes) -> bytes:
    changed = bytes([value[0] ^ 1]) + value[1:]
    assert changed != value
    return changed


def path_length(index: int, size: int) -> int:
    """Count the ancestors of a leaf, halving by RFC 6962's rule, without hashing anything."""
    if size == 1:
        return 0
    middle = merkle.largest_power_below(size)
    if index < middle:
        return 1 + path_length(index, middle)
    return 1 + path_length(index - middle, size - middle)


def alterations(proof: list[bytes]) -> list[list[bytes]]:
    """Return the proof with each hash changed, with one left out, and with one too many."""
    changed = [
        [*proof[:index], flip(proof[index]), *proof[index + 1 :]] for index in range(len(proof))
    ]
    return [*changed, *([proof[:-1]] if proof else []), [*proof, b"\x00" * 32]]
