"""Reading scenario files: TOML, `extends` and settings of the command line."""

import tomllib
from pathlib import Path
from typing import Any

from services.commands import UsageError
from simulation.scenario.schema import Scenario, ScenarioError, check, merged


def read_scenario(path: Path, settings: list[str]) -> Scenario:
    """`settings` are `some.name=value`, said last. Raises UsageError."""
    told = read_told(path)
    for setting in settings:
        told = placed(told, *_setting(setting))
    try:
        return check(told)
    except ScenarioError as error:
        raise UsageError(f"the scenario {path} does not fit: {error}") from error


def read_told(path: Path) -> dict[str, Any]:
    """Return what a scenario file and those it extends say, unchecked. Raises UsageError."""
    return _read(path, ())


def placed(told: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Return `told` with this value at a dotted name; a number counts in a list, from 0, as in
    listings.0.auction.interest. Raises UsageError.
    """
    part, _, rest = name.partition(".")
    below: Any = told.get(part)
    if not rest:
        return merged(told, {part: value})
    if isinstance(below, list):
        index, _, rest = rest.partition(".")
        if not (index.isdecimal() and int(index) < len(below) and rest):
            raise UsageError(f"{part} is a list of {len(below)}: say {part}.0.NAME")
        return {
            **told,
            part: [
                placed(one, rest, value) if place == int(index) else one
                for place, one in enumerate(below)
            ],
        }
    return {**told, part: placed(below if isinstance(below, dict) else {}, rest, value)}


def _read(path: Path, through: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in through:
        raise UsageError(f"the scenario {path} extends itself")
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the scenario {path} cannot be read: {error}") from error
    under = told.pop("extends", None)
    if under is None:
        return told
    return merged(_read(path.parent / str(under), (*through, path.resolve())), told)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: say NAME=VALUE, such as agents.buyers=200")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value  # a text without quotes
