"""The strategies built in, by name: each makes one from its settings in the scenario."""

from typing import Final

from simulation.agents.best_response import BestResponse
from simulation.agents.bidding import Maker, number
from simulation.agents.collusion import Ring, Shill
from simulation.agents.pacing import BudgetPaced
from simulation.agents.simple import Fraction, Incremental, Shading, Sniper, ZeroIntelligence
from simulation.agents.zip_trader import Zip

BIDDING: Final[dict[str, Maker]] = {
    "truthful": lambda settings: Fraction(1),
    "fixed_fraction": lambda settings: Fraction(number(settings, "share", 0.8)),
    "shading": lambda settings: Shading(number(settings, "bidders", 5)),
    "zi_c": lambda settings: ZeroIntelligence(1),
    "zi_u": lambda settings: ZeroIntelligence(number(settings, "ceiling", 2)),
    "sniper": lambda settings: Sniper(number(settings, "minutes", 5)),
    "incremental": lambda settings: Incremental(number(settings, "step", 0.1)),
    "zip": lambda settings: Zip(number(settings, "rate", 0.3), number(settings, "momentum", 0.05)),
    "budget_paced": lambda settings: BudgetPaced(
        number(settings, "budget_minor", 1_000_000),
        number(settings, "auctions", 100),
        number(settings, "step", 0.05),
    ),
    "best_response": lambda settings: BestResponse(number(settings, "share", 0.8)),
    "shill": lambda settings: Shill(number(settings, "share", 0.6)),
    "ring": lambda settings: Ring(
        str(settings.get("ring", "ring")), number(settings, "cover", 0.3)
    ),
}
