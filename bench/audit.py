"""The audit tree: leaf hashing with the tree against bare leaf hashing, proofs, verify and
replay.
"""

import os
import random
import tempfile
import time
from pathlib import Path

from bench.embedded import fill
from bench.report import Row, arguments, best_seconds, show
from services.audit.replay import replay_log
from services.audit.shelf import folder_shelf
from services.audit.store import AuditStore, stored_notes, stored_verifier
from services.audit.tree import Tree, leaf_hashes
from services.audit.verify import verify_log
from streams.embedded import EmbeddedReader

GROUP = 10_000


def grow(bodies: list[bytes]) -> Tree:
    tree = Tree()
    for start in range(0, len(bodies), GROUP):
        tree.append(leaf_hashes(bodies[start : start + GROUP]))
        tree.flush()
    return tree


def proof_times_ms(leaves: int, proofs: int = 2_000) -> tuple[float, float]:
    tree = Tree()
    one = os.urandom(32)
    for _ in range(leaves // GROUP):
        tree.append([one] * GROUP)
        tree.flush()
    rng, times = random.Random(7), []
    for _ in range(proofs):
        index = rng.randrange(tree.size)
        start = time.perf_counter()
        tree.inclusion_proof(index, tree.size)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return times[proofs // 2], times[proofs * 99 // 100]


def main() -> None:
    options = arguments(__doc__ or "", leaves=1_000_000, bids=40_000)
    bodies = [os.urandom(380) for _ in range(200_000)]
    bare = best_seconds(lambda: leaf_hashes(bodies))
    whole = best_seconds(lambda: grow(bodies))
    p50, p99 = proof_times_ms(options.leaves)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, options.bids)
        log = EmbeddedReader(folder)
        store = AuditStore(folder, folder_shelf(folder), log)
        store.integrate()
        store.publish()
        store.close()
        size = log.size
        start = time.perf_counter()
        report = verify_log(log, stored_notes(folder), stored_verifier(folder))
        verify_seconds = time.perf_counter() - start
        start = time.perf_counter()
        replayed = replay_log(log)
        replay_seconds = time.perf_counter() - start
        log.close()
    assert not report.findings + replayed.findings, "the benchmark's own log must be right"
    rows = [
        Row("leaf hash and tree", len(bodies) / whole, "leaves/s", 300_000),
        Row("time against bare leaf hashing", whole / bare, "x", 2.5, True),
        Row(f"inclusion proof at {options.leaves:,}, p50", p50, "ms", 1, True),
        Row(f"inclusion proof at {options.leaves:,}, p99", p99, "ms", 2, True),
        Row("verify from the file", size / verify_seconds, "records/s", 150_000),
        Row("exact replay", size / replay_seconds, "records/s", 80_000),
    ]
    show("Audit", rows, options.json)


if __name__ == "__main__":
    main()
