"""The Merkle tree of RFC 6962: roots, and proofs that an entry is in it or that it only grew.

Leaves are hashed behind a 0x00 byte and nodes behind 0x01, so neither can pass for the other. The
functions over whole lists of leaves are the reference; what is stored is checked against them.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()


class ProofError(ValueError):
    """A proof, or what is asked of the tree, does not hold; the text says why."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the root over these leaves' data. RFC 6962, 2.1."""
    return _subtree([leaf_hash(leaf) for leaf in leaves])


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the sibling hashes of leaf `index`, lowest level first, 32 bytes each.

    Raises ProofError if there is no such leaf. RFC 6962, 2.1.1.
    """
    _check_index(index, len(leaves))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    proof: list[bytes] = []
    while len(hashes) > 1:
        middle = largest_power_below(len(hashes))
        left, right = hashes[:middle], hashes[middle:]
        beside, hashes = (right, left) if index < middle else (left, right)
        index -= 0 if index < middle else middle
        proof.append(_subtree(beside))
    return proof[::-1]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the hashes that show the tree of `old_size` leaves to be a beginning of this one.

    Raises ProofError unless 0 < old_size <= len(leaves). RFC 6962, 2.1.2.
    """
    _check_sizes(old_size, len(leaves))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    proof: list[bytes] = []
    old, is_whole = old_size, True
    while old < len(hashes):
        middle = largest_power_below(len(hashes))
        left, right = hashes[:middle], hashes[middle:]
        if old <= middle:
            hashes = left
            proof.append(_subtree(right))
        else:
            hashes, old, is_whole = right, old - middle, False
            proof.append(_subtree(left))
    return proof[::-1] if is_whole else [_subtree(hashes), *proof[::-1]]


def verify_inclusion(
    leaf_hash: bytes, index: int, tree_size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises ProofError unless the proof leads from the leaf to the root. RFC 9162, 2.1.3.2.

    `tree_size` must be that of the checkpoint which signs `root`: sizes with paths of one shape,
    as 3 and 4 for leaf 0, cannot be told apart by a proof.
    """
    _check_index(index, tree_size)
    _check_hashes(leaf_hash, root, *proof)
    node, last, computed = index, tree_size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofError(f"the proof has {len(proof)} hashes, more than a tree this size needs")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError(f"the proof has {len(proof)} hashes, fewer than a tree this size needs")
    if computed != root:
        raise ProofError(f"the proof leads to {computed.hex()}, not to the root {root.hex()}")


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Raises ProofError unless the proof leads to both roots. RFC 9162, 2.1.4.2."""
    _check_sizes(old_size, new_size)
    _check_hashes(old_root, new_root, *proof)
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError("trees of one size are consistent only with equal roots and no proof")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ProofError("the proof is empty")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old, new = path[0], path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError(f"the proof has {len(proof)} hashes, more than these trees need")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError(f"the proof has {len(proof)} hashes, fewer than these trees need")
    if old != old_root:
        raise ProofError(f"the proof leads to {old.hex()}, not to the old root {old_root.hex()}")
    if new != new_root:
        raise ProofError(f"the proof leads to {new.hex()}, not to the new root {new_root.hex()}")


def largest_power_below(size: int) -> int:
    """Return the largest power of two smaller than `size`, where a tree of that size divides."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, level by level; an odd one out moves up unchanged."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[2 * len(paired) :]
    return level[0]


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")


def _check_sizes(old_size: int, new_size: int) -> None:
    if not 0 < old_size <= new_size:
        raise ProofError(f"a tree of {old_size} cannot be the beginning of a tree of {new_size}")


def _check_hashes(*hashes: bytes) -> None:
    for hash in hashes:
        if len(hash) != HASH_BYTES:
            raise ProofError(f"a hash has {HASH_BYTES} bytes, not {len(hash)}: {hash.hex()!r}")
