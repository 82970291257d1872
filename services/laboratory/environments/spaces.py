"""What a bidder sees and may do, as the two interfaces describe it."""

from typing import cast

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from services.laboratory.environments.room import Rules, Seat

Seen = NDArray[np.float32]


def seen_space() -> Space[Seen]:
    """Five numbers from 0 to 1: see `Seat.sees`."""
    return cast(Space[Seen], Box(0, 1, shape=(5,), dtype=np.float32))


def action_space(rules: Rules) -> Space[np.int64]:
    """0 bids nothing, `rules.levels` the whole value."""
    return Discrete(rules.levels + 1)


def seen(seat: Seat) -> Seen:
    return np.array(seat.sees(), dtype=np.float32)
