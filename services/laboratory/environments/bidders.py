"""Several bidders that are all asked from outside, as a PettingZoo environment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv

from services.laboratory.environments.room import Room, Rules
from services.laboratory.environments.spaces import Seen, action_space, seen, seen_space
from simulation.theory.experiments import UNIT


class Bidders(ParallelEnv[str, Seen, np.int64]):  # type: ignore[misc]  # an untyped library
    """All are asked at the same times; equal bids are taken in the order of `possible_agents`.
    Episodes and rewards are as in `Bidding`. A bidder sees its own value alone.
    """

    metadata: dict[str, Any] = {"name": "databourse_bidders_v0", "render_modes": []}
    render_mode = None

    def __init__(
        self, bidders: int = 3, rules: Rules | None = None, rivals: Sequence[str] = ()
    ) -> None:
        """`rivals` are strategies by name. Raises ValueError where one is not known."""
        self.rules = rules or Rules()
        self.possible_agents = [f"bidder_{number}" for number in range(bidders)]
        self.agents: list[str] = []
        self.observation_spaces = {name: seen_space() for name in self.possible_agents}
        self.action_spaces = {name: action_space(self.rules) for name in self.possible_agents}
        self._rivals = tuple(rivals)
        self._random, _ = seeding.np_random()

    def observation_space(self, agent: str) -> Space[Seen]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space[np.int64]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Seen], dict[str, dict[str, Any]]]:
        if seed is not None:
            self._random, _ = seeding.np_random(seed)
        root_seed = int(self._random.integers(2**62))
        self._room = Room(self.rules, self.possible_agents, self._rivals, root_seed)
        self.agents = list(self.possible_agents)
        return self._seen(), {name: {} for name in self.agents}

    def step(
        self, actions: dict[str, np.int64]
    ) -> tuple[
        dict[str, Seen],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        seats, asked = self._room.seats, self.agents
        before = {name: seats[name].surplus_minor for name in asked}
        self._room.step({name: int(actions[name]) for name in asked})
        rewards = {name: (seats[name].surplus_minor - before[name]) / UNIT for name in asked}
        seen_by, over = self._seen(), self._room.over
        if over:
            self.agents = []
        return (
            seen_by,
            rewards,
            dict.fromkeys(asked, over),
            dict.fromkeys(asked, False),
            {name: {"auction": self._room.auction} for name in asked},
        )

    def _seen(self) -> dict[str, Seen]:
        return {name: seen(self._room.seats[name]) for name in self.agents}
