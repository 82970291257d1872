"""Two runs beside each other: what was asked differently, and what came out differently."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.laboratory.run_folder import RunFolder


class Setting(NamedTuple):
    """A setting by its path in the config; None where one of the two does not have it."""

    name: str
    one: Any
    other: Any


class Metric(NamedTuple):
    """`change` is the second as a share of the first, less 1; None where that says nothing."""

    name: str
    one: float | None
    other: float | None
    difference: float | None
    change: float | None


class Comparison(NamedTuple):
    """`same_events` when both event logs are the same bytes."""

    same_events: bool
    settings: list[Setting]
    metrics: list[Metric]


def compare(one: RunFolder, other: RunFolder) -> Comparison:
    first, second = dict(_leaves(one.about["config"])), dict(_leaves(other.about["config"]))
    seeds = {"seed": one.about["seed"]}, {"seed": other.about["seed"]}
    settings = [
        Setting(name, before, after)
        for name, before, after in _paired({**seeds[0], **first}, {**seeds[1], **second})
        if before != after
    ]
    metrics = [
        _metric(name, before, after)
        for name, before, after in _paired(one.about["metrics"], other.about["metrics"])
    ]
    same = one.about["events_sha256"] == other.about["events_sha256"]
    return Comparison(same, settings, metrics)


def _metric(name: str, one: float | None, other: float | None) -> Metric:
    if one is None or other is None:
        return Metric(name, one, other, None, None)
    return Metric(name, one, other, other - one, (other - one) / abs(one) if one else None)


def _paired(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys((*one, *other)):
        yield name, one.get(name), other.get(name)


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of nested tables and lists by its path, such as agents.buyers or fees[0]."""
    if isinstance(tree, dict):
        for name, part in tree.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(tree, list):
        for number, part in enumerate(tree):
            yield from _leaves(part, f"{path}[{number}]")
    else:
        yield path, tree
