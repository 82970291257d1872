"""The bidding strategies there are: those built in and those other distributions bring."""

from importlib.metadata import entry_points
from typing import Final

from simulation.agents.bidding import Maker
from simulation.agents.registry import BIDDING

GROUP: Final = "databourse.strategies"


def strategies() -> dict[str, Maker]:
    """Return makers by name; an installed one does not replace one that is built in."""
    return {**{point.name: point.load() for point in entry_points(group=GROUP)}, **BIDDING}
