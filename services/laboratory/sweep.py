"""Runs a sweep among processes. What is done stays done: a sweep begun again goes on."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

from services.commands import UsageError
from services.laboratory.sweep_plan import Plan, Point, Subject, key_of
from services.tuning import expect_few_cycles

ROWS: Final = "rows.jsonl"


class Outcome(NamedTuple):
    """One run. `error` says why it failed; then there are no figures."""

    point: int
    replication: int
    seed: int
    settings: Point
    figures: dict[str, float]
    error: str


class Job(NamedTuple):
    key: str
    point: int
    replication: int
    seed: int
    settings: Point


def run(
    plan: Plan,
    subject: Subject,
    folder: Path,
    workers: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Outcome]:
    """Return the outcome of every run in the order of the plan, whoever ran it and when. Failures
    are outcomes too, and are not tried again. Raises UsageError when a worker process dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = _jobs(plan, subject)
    told = _told(folder / ROWS)
    left = [job for job in jobs if job.key not in told]
    with (folder / ROWS).open("a", encoding="utf-8") as file:
        for done, (job, figures, error) in enumerate(_ran(left, subject, workers), start=1):
            told[job.key] = {"figures": figures, "error": error}
            file.write(json.dumps({"key": job.key, **told[job.key]}, ensure_ascii=False) + "\n")
            file.flush()
            progress(len(jobs) - len(left) + done)
    return [
        Outcome(job.point, job.replication, job.seed, job.settings, **told[job.key]) for job in jobs
    ]


def _jobs(plan: Plan, subject: Subject) -> list[Job]:
    seeds = plan.seeds()
    return [
        Job(key_of(subject, settings, seed), point, replication, seed, settings)
        for point, settings in enumerate(plan.settings())
        for replication, seed in enumerate(seeds)
    ]


def _told(path: Path) -> dict[str, dict[str, Any]]:
    """Return what earlier runs left; a last line that was cut off does not count, and is ended."""
    told: dict[str, dict[str, Any]] = {}
    if not path.exists():
        return told
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        try:
            row = json.loads(line)
            told[row.pop("key")] = row
        except ValueError:
            continue
    if text and not text.endswith("\n"):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
    return told


def _ran(
    jobs: list[Job], subject: Subject, workers: int
) -> Iterator[tuple[Job, dict[str, float], str]]:
    """Yield each job with its figures or its error, as they come."""
    if min(workers, len(jobs)) <= 1:
        for job in jobs:
            yield job, *_measure(subject, job)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), expect_few_cycles) as pool:
        running: dict[Future[tuple[dict[str, float], str]], Job] = {
            pool.submit(_measure, subject, job): job for job in jobs
        }
        try:
            for future in as_completed(running):
                yield running[future], *future.result()
        except BrokenProcessPool as error:
            raise UsageError("a worker process died; say the same again to go on") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _measure(subject: Subject, job: Job) -> tuple[dict[str, float], str]:
    """Whatever goes wrong in one run is that run's outcome, and the others go on."""
    try:
        return subject.measure(job.settings, job.seed), ""
    except Exception as error:  # the edge: it stands in that run's row
        return {}, f"{type(error).__name__}: {error}"
