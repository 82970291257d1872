"""What can be swept: drawn auctions, whose theory is known, and any scenario."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from services.commands import UsageError
from services.laboratory.scenario_file import placed, read_told
from services.laboratory.strategies import strategies
from services.laboratory.sweep_plan import Plan, Point, Subject
from services.laboratory.traces import read_traces
from simulation.chance import Chance
from simulation.metrics import Metrics
from simulation.scenario.schema import ScenarioError, check
from simulation.scenario.world import build
from simulation.theory import drawn_auctions


def subject_of(plan: Plan, beside: Path) -> Subject:
    """Return what the plan is about. Raises UsageError."""
    match plan.subject:
        case "auctions":
            return DRAWN_AUCTIONS
        case "scenario":
            return _scenario(plan, beside / plan.scenario)
    raise UsageError(f"no subject {plan.subject!r}; there are 'auctions' and 'scenario'")


def _measure_auctions(settings: Point, seed: int) -> dict[str, float]:
    return drawn_auctions.measure(_drawn(settings), seed)


def _theory_of_auctions(settings: Point) -> dict[str, float]:
    return drawn_auctions.theory(_drawn(settings))


def _drawn(settings: Point) -> drawn_auctions.Settings:
    return msgspec.convert(settings, drawn_auctions.Settings)


DRAWN_AUCTIONS: Final = Subject(_measure_auctions, _theory_of_auctions, "auctions")


def _scenario(plan: Plan, path: Path) -> Subject:
    """The figures of a run are what comes of it; no log is written."""
    if not plan.scenario:
        raise UsageError("the sweep of a scenario names its file: scenario = NAME.toml")
    told = read_told(path)
    for settings in plan.settings():
        try:
            check(_with(told, settings))
        except ScenarioError as error:
            raise UsageError(f"the scenario {path} does not fit {settings}: {error}") from error
    identity = hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
    measure = partial(measure_scenario, told, path.parent)
    return Subject(measure, _nothing_known, f"scenario {identity}")


def measure_scenario(
    told: dict[str, Any], beside: Path, settings: Point, seed: int
) -> dict[str, float]:
    """Return the figures of a run of the scenario with these settings."""
    scenario = check(_with(told, settings))
    traces = read_traces(scenario, beside)
    kernel, metrics = build(scenario, Chance(seed), strategies(), traces=traces), Metrics()
    for cascade in kernel.run(scenario.end_ms):
        metrics.take(cascade)
    return metrics.figures(kernel.values)


def _with(told: dict[str, Any], settings: Point) -> dict[str, Any]:
    for name, value in settings.items():
        told = placed(told, name, value)
    return told


def _nothing_known(settings: Point) -> dict[str, float]:
    return {}
