"""What the command line says of itself."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from services.cli import BESIDE, COMMANDS, app
from services.client.operations import NOUNS
from tests.builders.cli import run

ROOT = Path(__file__).parents[2]
FOR_THE_HOUSE = {("test",), ("check",)}  # whose output is that of the tools they run


def written() -> Iterator[tuple[str, ...]]:
    """Yield every command that is written by hand, as it is typed."""
    top: Any = get_command(app)
    for name in COMMANDS:
        command = top.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from ((name, verb) for verb in command.list_commands(None))
        else:
            yield (name,)
    yield from ((noun, verb) for noun, verbs in BESIDE.items() for verb in verbs)


@pytest.mark.parametrize("words", list(written()), ids=" ".join)
def test_every_command_helps_with_an_example(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--help") == 0
    told = capsys.readouterr().out
    assert f"Example: databourse {' '.join(words)}" in re.sub(r"\s+", " ", told)
    assert "--json" in told or words in FOR_THE_HOUSE


@pytest.mark.parametrize("name", [*COMMANDS, *NOUNS])
def test_every_group_lists_its_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    told = capsys.readouterr().out
    for verb in BESIDE.get(name, {}):
        assert verb in told


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    told = capsys.readouterr().out
    for name in (*COMMANDS, *NOUNS):
        assert re.search(rf"^  {name} ", told, re.MULTILINE), name


def test_the_version_is_told_and_known_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert re.fullmatch(r"databourse \d+\.\d+\.\d+\n", capsys.readouterr().out)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("databourse li", {"listing"}),
        ("databourse listing su", {"submit", "suspend", "subscribe"}),
        ("databourse grant do", {"download"}),
    ],
)
def test_the_shell_completes_nouns_and_verbs(
    typed: str,
    offered: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_DATABOURSE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    assert run() == 0
    assert set(capsys.readouterr().out.split()) == offered


def test_help_does_without_the_web_stack() -> None:
    program = (
        "import sys\nfrom services.cli import main\n"
        "try:\n main(['listing', 'show', '--help'])\n"
        "except SystemExit:\n pass\n"
        "sys.exit(sorted({'fastapi', 'sqlmodel', 'sqlalchemy', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == "[]\n"
    assert "Example: databourse listing show" in done.stdout
