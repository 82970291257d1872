"""Randomness by name: each purpose of each agent draws from a stream of its own."""

import random
from hashlib import sha256
from typing import NamedTuple


class Chance(NamedTuple):
    """All randomness of a run. A stream depends on the root seed and its key alone, so that another
    agent or metric never shifts anybody's draws.
    """

    root_seed: int

    def stream(self, *key: str | int) -> random.Random:
        """Return the stream of this key from its beginning; usually (replication, agent, purpose).

        The parts are hashed with their kinds and lengths: (1, "2") and ("1", 2) differ.
        """
        parts = [
            f"{type(part).__name__} {len(str(part))} {part}" for part in (self.root_seed, *key)
        ]
        return random.Random(int.from_bytes(sha256("\n".join(parts).encode()).digest()))
