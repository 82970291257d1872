"""The stored tree equals the reference whatever way it grew, and no false claim has a proof."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import merkle
from market.merkle import ProofError
from services.audit.shelf import SqliteShelf
from services.audit.tree import Tree, leaf_hashes

GROUPS_MAX, GROUP_MAX = 8, 300
LEAVES = [number.to_bytes(2, "big") for number in range(GROUPS_MAX * GROUP_MAX)]
HASHES = leaf_hashes(LEAVES)
groups = st.tuples(st.integers(1, GROUP_MAX), st.sampled_from(["go on", "flush", "reopen"]))


@st.composite
def grown(draw: st.DrawFn) -> Tree:
    """Grow a tree by groups; after some it is flushed, after some dropped as it is and reopened."""
    shelf = SqliteShelf()
    tree = Tree(shelf)
    for count, then in draw(st.lists(groups, max_size=GROUPS_MAX - 1)):
        tree.append(HASHES[tree.size : tree.size + count])
        if then == "flush":
            tree.flush()
        elif then == "reopen":
            tree = Tree(shelf)
    tree.append(HASHES[tree.size : tree.size + draw(st.integers(1, GROUP_MAX))])
    return tree


@given(grown(), st.data())
def test_roots_and_proofs_equal_the_reference_at_every_size(
    tree: Tree, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, tree.size))
    old_size, index = data.draw(st.integers(1, size)), data.draw(st.integers(0, size - 1))
    leaves = LEAVES[:size]
    root, old_root = merkle.root_hash(leaves), merkle.root_hash(leaves[:old_size])
    assert (tree.root(size), tree.root(old_size)) == (root, old_root)
    proof = tree.inclusion_proof(index, size)
    assert proof == merkle.inclusion_proof(leaves, index)
    merkle.verify_inclusion(HASHES[index], index, size, proof, root)
    proof = tree.consistency_proof(old_size, size)
    assert proof == merkle.consistency_proof(leaves, old_size)
    merkle.verify_consistency(old_size, size, proof, old_root, root)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=80, unique=True), st.data())
def test_no_leaf_passes_for_another_or_at_another_place(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = merkle.root_hash(leaves), merkle.inclusion_proof(leaves, index)
    merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), index, len(leaves), proof, root)
    other = data.draw(st.binary(max_size=40).filter(lambda leaf: leaf != leaves[index]))
    with pytest.raises(ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(other), index, len(leaves), proof, root)
    for place in set(range(len(leaves))) - {index}:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(
                merkle.leaf_hash(leaves[index]), place, len(leaves), proof, root
            )


@given(st.lists(st.binary(max_size=8), min_size=2, max_size=80), st.data())
def test_rewritten_history_has_no_consistency_proof(
    leaves: list[bytes], data: st.DataObject
) -> None:
    """One old leaf is other than it was: the honest proof of the new tree does not fit."""
    old_size = data.draw(st.integers(1, len(leaves) - 1))
    index = data.draw(st.integers(0, old_size - 1))
    changed = [*leaves[:index], leaves[index] + b"!", *leaves[index + 1 :]]
    assert changed != leaves
    proof = merkle.consistency_proof(changed, old_size)
    with pytest.raises(ProofError):
        merkle.verify_consistency(
            old_size,
            len(leaves),
            proof,
            merkle.root_hash(leaves[:old_size]),
            merkle.root_hash(changed),
        )


@given(st.binary(min_size=64, max_size=64))
def test_a_node_does_not_pass_for_a_leaf(pair: bytes) -> None:
    assert merkle.leaf_hash(pair) != merkle.node_hash(pair[:32], pair[32:])
