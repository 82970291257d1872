"""Reading recorded use for scenarios: the tables that `replay usage` takes."""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Final

from services.commands import UsageError
from services.replay import usage
from services.replay.rows import RowError
from simulation.agents.metered import Step
from simulation.scenario.schema import Scenario
from simulation.scenario.world import Traces

USES_MIN: Final = 2  # a client that came once tells nothing of when it comes back


def read_traces(scenario: Scenario, beside: Path) -> Traces:
    """Return the steps of each client of each trace, whose paths are told from the scenario's
    folder. Raises UsageError.
    """
    names = dict.fromkeys(use.trace for use in scenario.use if use.trace)
    return {name: _clients(beside / name) for name in names}


def _clients(path: Path) -> list[list[Step]]:
    by_client: dict[str, list[usage.Use]] = defaultdict(list)
    try:
        for use in usage.read(path):
            by_client[use.client].append(use)
    except (OSError, RowError) as error:
        raise UsageError(f"the trace {path} cannot be read: {error}") from error
    return [
        [Step(use.time_ms - before.time_ms, use.size_bytes) for before, use in pairwise(uses)]
        for _, uses in sorted(by_client.items())
        if len(uses) >= USES_MIN
    ]
