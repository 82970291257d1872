"""How a benchmark prints: a row per figure, with its bar and whether it was reached."""

import argparse
import json
import time
from collections.abc import Callable
from typing import NamedTuple

from services.tuning import expect_few_cycles


class Row(NamedTuple):
    """`bar` is what to reach; `at_most` says whether less is better."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    at_most: bool = False

    @property
    def reached(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value <= self.bar if self.at_most else self.value >= self.bar


def best_seconds(work: Callable[[], object], runs: int = 3) -> float:
    """Return the shortest of some runs: what the code takes when nothing else disturbs it."""
    times: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def arguments(about: str, **sizes: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=about)
    for name, size in sizes.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=size)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    expect_few_cycles()
    return parser.parse_args()


def show(title: str, rows: list[Row], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"title": title, "rows": [row._asdict() for row in rows]}))
        return
    print(title)
    for row in rows:
        bar = "" if row.bar is None else f"  bar {'<=' if row.at_most else '>='} {row.bar:,g}"
        verdict = {None: "", True: "  reached", False: "  MISSED"}[row.reached]
        print(f"  {row.name:<52} {row.value:>14,.2f} {row.unit:<10}{bar}{verdict}")
