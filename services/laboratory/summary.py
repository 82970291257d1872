"""What the replications of each point say: means with confidence intervals, beside theory."""

from typing import NamedTuple

from services.laboratory.sweep import Outcome
from services.laboratory.sweep_plan import Plan, Point, Subject
from simulation.theory.estimates import Estimate, half_width, mean


class Mean(NamedTuple):
    """`low` and `high` bound a 95 % confidence interval, None for a single replication; `theory` is
    None where nothing is known.
    """

    settings: Point
    metric: str
    mean: float
    low: float | None
    high: float | None
    replications: int
    failed: int
    theory: float | None


def summarise(plan: Plan, subject: Subject, outcomes: list[Outcome]) -> list[Mean]:
    """Return a mean for each point and figure; a point where all runs failed has none."""
    means: list[Mean] = []
    for point, settings in enumerate(plan.settings()):
        runs = [outcome for outcome in outcomes if outcome.point == point]
        right = [outcome.figures for outcome in runs if not outcome.error]
        known = subject.theory(settings) if right else {}
        for metric in right[0] if right else ():
            sample = [figures[metric] for figures in right if metric in figures]
            low, high, middle = _interval(sample)
            failed = len(runs) - len(right)
            row = Mean(settings, metric, middle, low, high, len(sample), failed, known.get(metric))
            means.append(row)
    return means


def _interval(sample: list[float]) -> tuple[float | None, float | None, float]:
    if len(sample) == 1:
        return None, None, sample[0]
    estimate: Estimate = mean(sample)
    reach = half_width(estimate, len(sample))
    return estimate.value - reach, estimate.value + reach, estimate.value
