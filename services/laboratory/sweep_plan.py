"""What a sweep file asks for: a subject, settings to try, and how often each."""

import hashlib
import itertools
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from services.commands import UsageError
from simulation.chance import Chance

POINTS_MAX: Final = 100_000
Value = int | float | str | bool
Point = dict[str, Value]


class Subject(NamedTuple):
    """What is swept. `measure` takes settings and a seed, `theory` what is known of the result;
    `identity` says what else a result depends on. All must be importable by other processes.
    """

    measure: Callable[[Point, int], dict[str, float]]
    theory: Callable[[Point], dict[str, float]]
    identity: str


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each of `points` with each combination of `grid`, over what is `fixed`. Where the subject is
    a `scenario`, a file beside the plan, a name with dots is a path into it.
    """

    subject: str
    scenario: str = ""
    title: str = ""
    seed: int = 7
    replications: Annotated[int, Meta(ge=1, le=100_000)] = 10
    fixed: dict[str, Value] = {}
    grid: dict[str, Annotated[list[Value], Meta(min_length=1)]] = {}
    points: list[dict[str, Value]] = []

    def swept(self) -> list[str]:
        """Return the names whose values differ between points, those of the grid first."""
        listed = (name for point in self.points for name in point)
        return list(dict.fromkeys((*self.grid, *listed)))

    def settings(self) -> list[Point]:
        """Return the settings of every point, in order."""
        combined = itertools.product(*self.grid.values())
        grid = [dict(zip(self.grid, values, strict=True)) for values in combined]
        return [{**self.fixed, **point, **one} for point in self.points or [{}] for one in grid]

    def seeds(self) -> list[int]:
        """Return each replication's seed. It is the same at every point (common random numbers), so
        that two points differ in their settings alone.
        """
        chance = Chance(self.seed)
        return [
            chance.stream(replication, "sweep", "seed").getrandbits(63)
            for replication in range(self.replications)
        ]


def read_plan(path: Path) -> Plan:
    """Raises UsageError that says what is wrong and where."""
    try:
        plan = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Plan)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the sweep {path} cannot be read: {error}") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"the sweep {path} does not fit: {error}") from error
    if len(plan.settings()) * plan.replications > POINTS_MAX:
        raise UsageError(f"{path} asks for more than {POINTS_MAX:,} runs; try fewer values")
    return plan


def key_of(subject: Subject, settings: Point, seed: int) -> str:
    """Return what a result is found by: it depends on subject, settings and seed alone."""
    told = [subject.identity, sorted(settings.items()), seed]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:20]


def as_table(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of rows that need not all have the same ones."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}
