"""One bidder among built-in ones, as a Gymnasium environment."""

from collections.abc import Sequence
from typing import Any, Final

import gymnasium
import numpy as np

from services.laboratory.environments.room import Room, Rules
from services.laboratory.environments.spaces import Seen, action_space, seen, seen_space
from simulation.theory.experiments import UNIT

SELF: Final = "learner"


class Bidding(gymnasium.Env[Seen, np.int64]):
    """An episode is `rules.auctions` auctions. The reward is the surplus of what was bought since
    the last step, value less price, out of a million minor units.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(
        self, rules: Rules | None = None, rivals: Sequence[str] = ("truthful", "truthful")
    ) -> None:
        """`rivals` are strategies by name. Raises ValueError where one is not known."""
        self.rules = rules or Rules()
        self.observation_space = seen_space()
        self.action_space = action_space(self.rules)
        self._rivals = tuple(rivals)
        self._room = Room(self.rules, (SELF,), self._rivals, 0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Seen, dict[str, Any]]:
        super().reset(seed=seed)
        root_seed = int(self.np_random.integers(2**62))
        self._room = Room(self.rules, (SELF,), self._rivals, root_seed)
        return seen(self._room.seats[SELF]), self._info()

    def step(self, action: np.int64) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        assert not self._room.over, "the episode is over; call reset"
        seat = self._room.seats[SELF]
        before = seat.surplus_minor
        self._room.step({SELF: int(action)})
        reward = (seat.surplus_minor - before) / UNIT
        return seen(seat), reward, self._room.over, False, self._info()

    def _info(self) -> dict[str, Any]:
        seat = self._room.seats[SELF]
        return {"auction": self._room.auction, "refused_bids": seat.refused}
