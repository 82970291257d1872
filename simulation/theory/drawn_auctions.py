"""One kind of auction with drawn values as the subject of a sweep: settings in, figures out."""

from fractions import Fraction
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from simulation.chance import Chance
from simulation.theory import formulas, measures
from simulation.theory.bidding import shaded, truthful
from simulation.theory.experiments import UNIT, Drawn

Share = Annotated[float, Meta(ge=0, lt=1)]
Format = Literal["first-price", "second-price", "english", "dutch", "uniform"]
_SHADED: Final = frozenset({"first-price", "dutch"})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reserve` and `increment` are shares of the highest possible value."""

    format: Format = "second-price"
    bidders: Annotated[int, Meta(ge=1, le=1_000)] = 2
    reserve: Share = 0.0
    licences: Annotated[int, Meta(ge=1, le=1_000)] = 1
    increment: Annotated[float, Meta(ge=0.000001, lt=1)] = 1 / UNIT
    auctions: Annotated[int, Meta(ge=2, le=1_000_000)] = 500


def measure(settings: Settings, seed: int) -> dict[str, float]:
    """Hold the auctions and return the mean of each figure."""
    drawn = Drawn(
        settings.format,
        settings.bidders,
        shaded if settings.format in _SHADED else truthful,
        reserve_minor=round(settings.reserve * UNIT),
        licences=settings.licences,
        step_minor=round(settings.increment * UNIT),
    )
    sold = drawn.run(Chance(seed), settings.auctions)
    return {
        "revenue": measures.revenue(sold).value,
        "surplus": measures.surplus(sold).value,
        "efficiency": measures.efficiency(sold).value,
        "unsold": measures.unsold(sold).value,
    }


def theory(settings: Settings) -> dict[str, float]:
    """Return those figures that are known in closed form."""
    n, r = settings.bidders, Fraction(settings.reserve).limit_denominator(UNIT)
    if settings.format == "uniform":
        known = settings.licences < n and not r
        earned = formulas.uniform_revenue(n, settings.licences)
        return {"revenue": float(earned)} if known else {}
    if settings.format == "english" and settings.increment > 1 / UNIT:
        return {}
    return {
        "revenue": float(formulas.revenue(n, r)),
        "surplus": float(formulas.surplus(n, r)),
        "unsold": float(formulas.unsold(n, r)),
    }
