"""The strategies built in, by name: each makes one from its settings in the scenario."""

from typing import Final

from simulation.agents.bidding import Maker, number
from simulation.agents.simple import Fraction, Incremental, Shading, Sniper, ZeroIntelligence

BIDDING: Final[dict[str, Maker]] = {
    "truthful": lambda settings: Fraction(1),
    "fixed_fraction": lambda settings: Fraction(number(settings, "share", 0.8)),
    "shading": lambda settings: Shading(number(settings, "bidders", 5)),
    "zi_c": lambda settings: ZeroIntelligence(1),
    "zi_u": lambda settings: ZeroIntelligence(number(settings, "ceiling", 2)),
    "sniper": lambda settings: Sniper(number(settings, "minutes", 5)),
    "incremental": lambda settings: Incremental(number(settings, "step", 0.1)),
}
