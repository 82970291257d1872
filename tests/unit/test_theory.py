"""Closed forms, estimates, and how a check is judged."""

from fractions import Fraction
from typing import Any

import pytest

from simulation.chance import Chance
from simulation.theory import formulas, measures
from simulation.theory.bidding import shaded, truthful
from simulation.theory.checks import Check, Relation, choose, experiments_of, judge
from simulation.theory.estimates import Estimate, mean, variance
from simulation.theory.experiments import Drawn
from simulation.theory.tables import CHECKS, CONTROLS
from simulation.theory.zero_intelligence import MARKETS, Periods

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("said", "published"),
    [
        (formulas.revenue(2), Fraction(1, 3)),
        (formulas.revenue(10), Fraction(9, 11)),
        (formulas.revenue(2, HALF), Fraction(5, 12)),
        (formulas.revenue(3, HALF), Fraction(17, 32)),
        (formulas.revenue(5, HALF), Fraction(43, 64)),
        (formulas.surplus(5), Fraction(5, 6)),
        (formulas.unsold(3, HALF), Fraction(1, 8)),
        (formulas.uniform_revenue(10, 5), Fraction(25, 11)),
        (formulas.incremental_revenue(Fraction(0)), Fraction(1, 3)),
    ],
)
def test_closed_forms_give_the_published_numbers(said: Fraction, published: Fraction) -> None:
    assert said == published


def test_a_mean_comes_with_its_standard_error() -> None:
    assert mean([1.0, 3.0, 1.0, 3.0]) == Estimate(2.0, pytest.approx(0.57735, abs=1e-5))


def test_a_variance_comes_with_its_standard_error() -> None:
    assert variance([0.0, 0.0, 2.0, 4.0]) == Estimate(
        pytest.approx(11 / 3), pytest.approx(1.1875**0.5)
    )


def test_a_sample_of_one_has_no_error_and_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        mean([1.0])


@pytest.mark.parametrize(
    ("value", "bidders", "reserve", "bid"),
    [
        (600_000, 2, 0, 300_000),
        (600_000, 3, 0, 400_000),
        (500_000, 2, 500_000, 500_000),
        (1_000_000, 2, 500_000, 625_000),
        (499_999, 2, 500_000, None),
        (1, 10, 0, 1),
    ],
)
def test_equilibrium_bids(value: int, bidders: int, reserve: int, bid: int | None) -> None:
    assert shaded(value, bidders, reserve) == bid


def looked_at(value: float, error: float, theory: Fraction, grain: Fraction = Fraction(0)) -> bool:
    ran = Drawn("english", 2, truthful)
    check = Check("name", "source", theory, (ran,), lambda result: Estimate(value, error), grain)
    return judge(check, {ran: None}).right


def test_a_simulation_within_three_standard_errors_is_right() -> None:
    assert looked_at(1.29, 0.1, Fraction(1))
    assert not looked_at(1.31, 0.1, Fraction(1))
    assert not looked_at(0.69, 0.1, Fraction(1))


def test_what_is_not_sampled_must_be_equal_but_for_its_grain() -> None:
    assert looked_at(20.49, 0, Fraction(2049, 100))
    assert not looked_at(20.50, 0, Fraction(2049, 100))
    assert looked_at(20.50, 0, Fraction(2049, 100), grain=Fraction(1, 50))


@pytest.mark.parametrize(
    ("relation", "value", "right"),
    [
        (Relation.AT_LEAST, 0.99, True),
        (Relation.AT_LEAST, 0.981, False),  # not three errors away from the bound
        (Relation.AT_MOST, 0.97, True),
        (Relation.AT_MOST, 0.979, False),
    ],
)
def test_a_bound_is_kept_with_certainty(relation: Relation, value: float, right: bool) -> None:
    ran = Drawn("english", 2, truthful)
    bound = Fraction(98, 100)
    check = Check(
        "name", "source", bound, (ran,), lambda _: Estimate(value, 0.001), relation=relation
    )
    assert judge(check, {ran: None}).right is right


def test_every_check_has_a_name_of_its_own() -> None:
    names = [check.name for check in (*CHECKS, *CONTROLS)]
    assert len(set(names)) == len(names)


def test_checks_are_chosen_by_a_part_of_their_names() -> None:
    assert [check.name for check in choose(CHECKS, "ebay/tie")] == ["ebay/tie"]
    assert {check.name.split("/")[0] for check in choose(CHECKS, "dutch")} == {"dutch"}
    assert {check.name.split("/")[1] for check in choose(CHECKS, "n=3")} == {"n=3"}
    assert choose(CHECKS, "ebay-tie") == []


def test_experiments_that_several_checks_look_at_run_once() -> None:
    assert len(experiments_of(choose(CHECKS, "second-price/n=2"))) == 2  # with a reserve, without


def results_of(checks: list[Check], auctions: int) -> dict[Any, Any]:
    return {one: one.run(Chance(7), auctions) for one in experiments_of(checks)}


def test_examples_without_chance_come_out_exactly() -> None:
    sampled = ("n=", "zero-intelligence")
    checks = [check for check in CHECKS if not any(word in check.name for word in sampled)]
    results = results_of(checks, auctions=0)
    rows = [judge(check, results) for check in checks]
    assert len(rows) > 10
    assert [row for row in rows if not row.right or row.z is not None] == []


def test_checks_that_are_wrong_on_purpose_are_found_wrong() -> None:
    results = results_of(list(CONTROLS), auctions=1_000)
    assert [check.name for check in CONTROLS if judge(check, results).right] == []


def test_the_same_bidder_has_the_same_values_in_every_experiment() -> None:
    two = Drawn("second-price", 2, truthful).run(Chance(7), 5)
    three = Drawn("english", 3, truthful).run(Chance(7), 5)
    assert [values[:2] for values in three.values] == two.values


def test_a_bidder_who_reaches_the_price_late_does_not_buy_in_a_dutch_auction() -> None:
    sold = Drawn("dutch", 3, truthful).run(Chance(7), 50)
    highest = [max(values) for values in sold.values]
    assert sold.revenues_minor() == highest
    assert measures.efficiency(sold).value == 1.0


def test_traders_without_constraint_trade_every_unit() -> None:
    periods = Periods(MARKETS[2], constrained=False, shouts=2_000).run(Chance(7), auctions=0)
    assert periods == [33 / 43, 33 / 43]


def test_traders_who_never_lose_by_it_gain_less_the_shorter_the_period() -> None:
    gained = [
        sum(Periods(MARKETS[0], constrained=True, shouts=shouts).run(Chance(7), auctions=500))
        for shouts in (0, 50, 200, 1_000)
    ]
    assert gained == sorted(gained)
    assert gained[0] == 0.0
    assert gained[-1] > 4.9  # of five periods
