"""Reading scenario files: TOML, `extends` and settings of the command line."""

import tomllib
from pathlib import Path
from typing import Any

from services.commands import UsageError
from simulation.scenario.schema import Scenario, ScenarioError, check, merged


def read_scenario(path: Path, settings: list[str]) -> Scenario:
    """`settings` are `some.name=value`, said last. Raises UsageError."""
    told = _read(path, ())
    for setting in settings:
        told = merged(told, _setting(setting))
    try:
        return check(told)
    except ScenarioError as error:
        raise UsageError(f"the scenario {path} does not fit: {error}") from error


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


def _setting(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: say NAME=VALUE, such as agents.buyers=200")
    try:
        found: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        found = value  # a text without quotes
    for part in reversed(name.split(".")):
        found = {part: found}
    told: dict[str, Any] = found
    return told
