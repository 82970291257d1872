"""What a check is, and how a simulation is judged by it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, NamedTuple

from simulation.theory.estimates import Estimate
from simulation.theory.experiments import Experiment

ERRORS_MAX: Final = 3  # standard errors that a simulation may be off


class Relation(StrEnum):
    """What the simulated value has to be to the theory; a bound must be kept three standard errors
    away from it.
    """

    EQUAL = "="
    AT_LEAST = "≥"
    AT_MOST = "≤"


class Check(NamedTuple):
    """`measure` takes what the experiments returned, one argument each.

    `grain` is what rounding to minor units may add, in the unit of `theory`.
    """

    name: str
    source: str
    theory: Fraction
    experiments: tuple[Experiment, ...]
    measure: Callable[..., Estimate]
    grain: Fraction = Fraction(0)
    relation: Relation = Relation.EQUAL


class Row(NamedTuple):
    """`low` and `high` are three standard errors around the simulated value; `z` is the distance
    from theory in standard errors, None where nothing is sampled.
    """

    name: str
    source: str
    relation: Relation
    theory: float
    exact: str
    simulated: float
    low: float
    high: float
    z: float | None
    right: bool


def judge(check: Check, results: Mapping[Experiment, Any]) -> Row:
    """Compare a check with what its experiments returned."""
    value, error = check.measure(*(results[experiment] for experiment in check.experiments))
    theory = float(check.theory)
    low, high = value - ERRORS_MAX * error, value + ERRORS_MAX * error
    return Row(
        name=check.name,
        source=check.source,
        relation=check.relation,
        theory=theory,
        exact=str(check.theory),
        simulated=value,
        low=low,
        high=high,
        z=(value - theory) / error if error else None,
        right=_holds(check.relation, theory, low, high, float(check.grain)),
    )


def _holds(relation: Relation, theory: float, low: float, high: float, grain: float) -> bool:
    match relation:
        case Relation.EQUAL:
            return low - grain <= theory <= high + grain
        case Relation.AT_LEAST:
            return theory <= low + grain
        case Relation.AT_MOST:
            return theory >= high - grain


def experiments_of(checks: Iterable[Check]) -> list[Experiment]:
    """Return each experiment once, in the order of the checks."""
    return list(dict.fromkeys(one for check in checks for one in check.experiments))


def choose(checks: Iterable[Check], wanted: str) -> list[Check]:
    """Return the checks whose name begins with the words or has them as one of its parts."""
    return [
        check
        for check in checks
        if check.name.startswith(wanted) or wanted in check.name.split("/")
    ]
