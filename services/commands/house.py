"""`databourse test` and `databourse check`: what keeps the house in order."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from services.commands import Exit

app = typer.Typer()
ROOT: Final = Path(__file__).parents[2]
_PASS_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True}
ON_TWO_CORES: Final = ("-n", "2", "--dist", "loadgroup")  # a group's tests share one cluster
ALONE: Final = ("-n", "0")
# Real servers that are killed and paused: beside one another on two cores they starve.
ONE_AT_A_TIME: Final = ("tests/chaos", "tests/integration")
_LINT_IMPORTS: Final = "from importlinter.cli import lint_imports_command; lint_imports_command()"
QUICK: Final = "not long and not chaos"
CHECKS: Final = {
    "format": ("ruff", "format", "--check", "--quiet", "."),
    "lint": ("ruff", "check", "--quiet", "."),
    "types": ("mypy", "--no-error-summary"),
    "imports": ("-c", _LINT_IMPORTS, "--no-cache"),
}
NEEDED: Final = {  # by the long tests: program, and its package where there is apt-get
    "strace": "strace",
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
}


@app.command("test", context_settings=_PASS_ON)
def run_tests(
    context: typer.Context,
    all: Annotated[
        bool, typer.Option("--all", help="The long ones too: kills, real components.")
    ] = False,
    chaos: Annotated[
        bool, typer.Option("--chaos", help="Only the longest: a cluster killed hundreds of times.")
    ] = False,
) -> None:
    """Run the tests; other arguments go to pytest.

    Example: databourse test -k auction
    """
    if all or chaos:
        _install_what_is_needed()
    if all and not context.args:
        beside = [f"--ignore={folder}" for folder in ONE_AT_A_TIME]
        codes = [
            _pytest(*ON_TWO_CORES, *beside, "-m", "not chaos"),
            _pytest(*ALONE, "-m", "not chaos", *ONE_AT_A_TIME),
        ]
        raise typer.Exit(max(codes))
    workers, chosen = (ALONE, "chaos") if chaos else (ON_TWO_CORES, "not chaos" if all else QUICK)
    raise typer.Exit(_pytest(*workers, "-m", chosen, *context.args))


def _install_what_is_needed() -> None:
    """Install what is missing where that is possible; where it is not, the tests say so."""
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    apt_get = shutil.which("apt-get")
    if not missing or apt_get is None or os.geteuid() != 0:
        return
    subprocess.run([apt_get, "update", "--quiet"], check=False)
    for package in missing:  # each by itself: one that is not to be had must not hold up the others
        subprocess.run(
            [apt_get, "install", "--yes", "--quiet", "--no-install-recommends", package],
            check=False,
        )


@app.command("check")
def check(
    static: Annotated[bool, typer.Option("--static", help="Leave the tests out.")] = False,
) -> None:
    """Format, lint, types, import rules and the quick tests, each with its time.

    Example: databourse check
    """
    steps = {name: _arguments(arguments) for name, arguments in CHECKS.items()}
    if not static:
        steps["tests"] = ["-m", "pytest", "-q", *ON_TWO_CORES, "-m", QUICK]
    failed = [name for name, arguments in steps.items() if not _passes(name, arguments)]
    typer.echo(f"check: {'failed: ' + ', '.join(failed) if failed else 'all right'}")
    raise typer.Exit(Exit.FINDING if failed else Exit.RIGHT)


def _passes(name: str, arguments: list[str]) -> bool:
    start = time.perf_counter()
    passed = _python(*arguments) == 0
    typer.echo(f"{name:8} {'ok' if passed else 'FAILED'}  {time.perf_counter() - start:.1f} s")
    return passed


def _arguments(arguments: tuple[str, ...]) -> list[str]:
    return list(arguments) if arguments[0] == "-c" else ["-m", *arguments]


def _pytest(*arguments: str) -> int:
    return _python("-m", "pytest", "-q", *arguments)


def _python(*arguments: str) -> int:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=False
    ).returncode
