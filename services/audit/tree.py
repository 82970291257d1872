"""The audit tree on disk: tiles of 256 hashes, from which any root and proof is made.

A full tile of level L holds the hashes of 256 neighbouring subtrees of 256**L leaves (as in C2SP
tlog-tiles). Only full tiles are stored; the right edge is in memory and is remade from the log.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final

from market.merkle import EMPTY_ROOT, HASH_BYTES, ProofError, largest_power_below
from services.audit.shelf import Shelf, SqliteShelf

TILE_BITS: Final = 8
TILE_WIDTH: Final = 1 << TILE_BITS
_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES


class Tree:
    """Grows by leaf hashes. `flush` keeps what has become full, all of it in one transaction."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        """Without a shelf the tree lives in memory."""
        self._shelf = shelf or SqliteShelf()
        self._edges: list[bytearray] = [bytearray()]
        self._unsaved: dict[tuple[int, int], bytes] = {}
        self._full_tiles: list[int] = [0]
        self._load = lru_cache(maxsize=1024)(self._load_tile)
        self._restore()

    @property
    def size(self) -> int:
        return self._full_tiles[0] * TILE_WIDTH + len(self._edges[0]) // HASH_BYTES

    def append(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaves at the right edge, 32 bytes each."""
        added = b"".join(leaf_hashes)
        assert len(added) % HASH_BYTES == 0, "a leaf hash has 32 bytes, or all after it are shifted"
        self._edges[0] += added
        self._cut(0)

    def flush(self) -> None:
        if self._unsaved:
            self._shelf.keep_tiles([(*place, hashes) for place, hashes in self._unsaved.items()])
            self._unsaved.clear()

    def forget_kept(self) -> None:
        """Drop from memory what another process has kept meanwhile."""
        if self._unsaved:
            kept = self._shelf.tile_counts()
            self._unsaved = {
                (level, number): hashes
                for (level, number), hashes in self._unsaved.items()
                if number >= kept.get(level, 0)
            }

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves, or of all."""
        size = self.size if size is None else size
        self._check_size(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        return self._range(index, index + 1)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the sibling hashes of a leaf in the tree of `size`, lowest level first."""
        self._check_size(size)
        if not 0 <= index < size:
            raise ProofError(f"there is no leaf {index} in a tree of {size}")
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + largest_power_below(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return proof[::-1]

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the hashes that show the tree of `old_size` to be a beginning of that of
        `new_size`.
        """
        self._check_size(new_size)
        if not 0 < old_size <= new_size:
            raise ProofError(
                f"a tree of {old_size} cannot be the beginning of a tree of {new_size}"
            )
        proof: list[bytes] = []
        start, end = 0, new_size
        while old_size < end:
            middle = start + largest_power_below(end - start)
            if old_size <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return ([self._range(start, end)] if start else []) + proof[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """Return the hash over leaves start to end, where start is a multiple of the range's
        width.
        """
        width = end - start
        if width & (width - 1):
            middle = start + largest_power_below(width)
            return _node(self._range(start, middle), self._range(middle, end))
        level, height = divmod(width.bit_length() - 1, TILE_BITS)
        number, place = divmod(start >> (level * TILE_BITS), TILE_WIDTH)
        if number == self._full_tiles[level]:
            offset = place * HASH_BYTES
            return fold(self._edges[level][offset : offset + (HASH_BYTES << height)])
        offset = (place >> height) * HASH_BYTES
        return self._load(level, number)[height][offset : offset + HASH_BYTES]

    def _load_tile(self, level: int, number: int) -> list[bytes]:
        """Return a full tile with all levels above it, as `levels` does: proofs from one tile
        share most of them.
        """
        hashes = self._unsaved.get((level, number))
        if hashes is None:
            hashes = self._shelf.tile(level, number)
            if hashes is None or len(hashes) != _TILE_BYTES:
                raise ProofError(
                    f"tile {number} of level {level} is missing or damaged; stop the market and "
                    "run `databourse rebuild`"
                )
        return levels(hashes)

    def _cut(self, level: int) -> None:
        """Move full tiles out of an edge; each becomes one hash on the level above."""
        edge = self._edges[level]
        if len(edge) < _TILE_BYTES:
            return
        if level + 1 == len(self._edges):
            self._edges.append(bytearray())
            self._full_tiles.append(0)
        full = len(edge) // _TILE_BYTES
        for number in range(full):
            hashes = bytes(edge[number * _TILE_BYTES : (number + 1) * _TILE_BYTES])
            self._unsaved[level, self._full_tiles[level]] = hashes
            self._full_tiles[level] += 1
            self._edges[level + 1] += fold(hashes)
        del edge[: full * _TILE_BYTES]
        self._cut(level + 1)

    def _restore(self) -> None:
        """Take up the stored tiles; the level above the last full one is folded from those
        below.
        """
        counts = self._shelf.tile_counts()
        level = 0
        while count := counts.get(level, 0):
            self._full_tiles[level] = count
            self._edges.append(bytearray())
            self._full_tiles.append(0)
            above = counts.get(level + 1, 0)
            for number in range(above * TILE_WIDTH, count):
                self._edges[level + 1] += self._load(level, number)[-1]
            level += 1

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ProofError(f"the tree has {self.size} leaves, not {size}")


def leaf_hashes(bodies: Sequence[bytes]) -> list[bytes]:
    """Return `market.merkle.leaf_hash` of each, in one tight loop."""
    return [sha256(b"\x00" + body).digest() for body in bodies]


def levels(hashes: bytes | bytearray) -> list[bytes]:
    """Return a power of two of neighbouring hashes, 32 bytes each, and every level above them up
    to their root.
    """
    built = [bytes(hashes)]
    width = HASH_BYTES * 2
    while len(built[-1]) > HASH_BYTES:
        below = built[-1]
        built.append(
            b"".join(
                [
                    sha256(b"\x01" + below[start : start + width]).digest()
                    for start in range(0, len(below), width)
                ]
            )
        )
    return built


def fold(hashes: bytes | bytearray) -> bytes:
    """Return the root over a power of two of neighbouring hashes, 32 bytes each."""
    return levels(hashes)[-1]


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
