"""Runs the checks of `simulation.theory`, the experiments among processes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, NamedTuple

from services.tuning import expect_few_cycles
from simulation.chance import Chance
from simulation.theory.checks import Check, Row, experiments_of, judge
from simulation.theory.experiments import Experiment


class Report(NamedTuple):
    seed: int
    auctions: int
    rows: list[Row]

    @property
    def right(self) -> bool:
        return all(row.right for row in self.rows)


def run(
    checks: Sequence[Check],
    seed: int,
    auctions: int,
    workers: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Run each experiment once and judge every check by it; the rows are the same for any number of
    workers. `progress` is told how many experiments are done.
    """
    results: dict[Experiment, Any] = {}
    for done, (experiment, result) in enumerate(_results(checks, seed, auctions, workers), start=1):
        results[experiment] = result
        progress(done)
    return Report(seed, auctions, [judge(check, results) for check in checks])


def _results(checks: Sequence[Check], seed: int, auctions: int, workers: int) -> Any:
    experiments = experiments_of(checks)
    if min(workers, len(experiments)) <= 1:
        for experiment in experiments:
            yield experiment, experiment.run(Chance(seed), auctions)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), expect_few_cycles) as pool:
        running = {
            pool.submit(experiment.run, Chance(seed), auctions): experiment
            for experiment in experiments
        }
        for future in as_completed(running):
            yield running[future], future.result()
