"""`databourse sim theory`."""

import json

import pytest

from services.laboratory.theory import run as run_checks
from simulation.theory.checks import choose
from simulation.theory.tables import CHECKS
from tests.builders.cli import run


def test_right_checks_end_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sim", "theory", "--only", "six-units", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["right"] is True
    prices = {row["name"]: row["simulated"] for row in told["rows"]}
    assert prices["six-units/uniform/price"] == 32
    assert prices["six-units/uniform/revenue"] == 192


def test_a_wrong_strategy_and_a_wrong_constant_end_with_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("sim", "theory", "--only", "wrong", "--auctions", "1000") == 1
    told = capsys.readouterr().out
    assert told.count("FAILED") == 4  # each of the three, and the sum
    assert "wrong/truthful-in-first-price" in told


def test_an_unknown_check_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sim", "theory", "--only", "second_price") == 2
    assert "second-price" in capsys.readouterr().err


def test_two_processes_tell_the_same_as_one() -> None:
    checks = choose(CHECKS, "n=2")
    alone = run_checks(checks, seed=7, auctions=100, workers=1)
    assert run_checks(checks, seed=7, auctions=100, workers=2) == alone


@pytest.mark.long
def test_what_theory_says_comes_out_of_ten_thousand_auctions() -> None:
    report = run_checks(CHECKS, seed=7, auctions=10_000, workers=2)
    assert [row for row in report.rows if not row.right] == []
