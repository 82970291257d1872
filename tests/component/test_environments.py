"""Auctions of the real rules as learning environments: the interfaces' own checks, what a bidder
sees, and what it earns.
"""

import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.utils import parallel_to_aec

from services.laboratory.environments import Bidders, Bidding, Rules

ROOT = Path(__file__).parents[2]
FORMATS = ("first-price", "second-price", "english", "dutch", "uniform")
WHOLE = 20  # the level that bids the whole value
VALUE, PRICE, TIME, BUDGET, STANDS = range(5)


def rewards(rules: Rules, level: int, rivals: tuple[str, ...] = ("truthful",)) -> list[float]:
    env, over, earned = Bidding(rules, rivals), False, []
    env.reset(seed=7)
    while not over:
        _, reward, over, _, _ = env.step(np.int64(level))
        earned.append(reward)
    return earned


@pytest.mark.parametrize("format", FORMATS)
def test_the_environment_of_one_bidder_passes_gymnasiums_check(format: str) -> None:
    env = gymnasium.make("databourse/Bidding-v0", rules=Rules(format=format, auctions=2))
    check_env(env.unwrapped)


@pytest.mark.parametrize("format", FORMATS)
def test_the_environment_of_all_bidders_passes_pettingzoos_tests(format: str) -> None:
    rules = Rules(format=format, auctions=2)
    parallel_api_test(Bidders(3, rules, rivals=("truthful",)), num_cycles=20)
    api_test(parallel_to_aec(Bidders(3, rules)), num_cycles=20)


def test_the_same_seed_gives_the_same_auctions() -> None:
    parallel_seed_test(Bidders, num_cycles=20)
    seed_test(lambda: parallel_to_aec(Bidders()), num_cycles=20)
    assert Bidding().reset(seed=1)[0][VALUE] != Bidding().reset(seed=2)[0][VALUE]


def test_who_bids_nothing_sees_the_time_pass_and_earns_nothing() -> None:
    env = Bidding(Rules(auctions=2, rounds=4))
    seen, _ = env.reset(seed=7)
    assert (seen[TIME], seen[BUDGET], seen[STANDS]) == (1, 1, 0)
    left = []
    for _ in range(8):
        seen, reward, over, _, _ = env.step(np.int64(0))
        left.append(float(seen[TIME]))
        assert (reward, seen[BUDGET], seen[STANDS]) == (0, 1, 0)
    assert left == [0.75, 0.5, 0.25, 1, 0.75, 0.5, 0.25, 0]
    assert over


def test_the_whole_value_earns_nothing_at_first_price_and_something_at_second() -> None:
    first = rewards(Rules(format="first-price", auctions=30, rounds=1), WHOLE)
    second = rewards(Rules(format="second-price", auctions=30, rounds=1), WHOLE)
    assert first == [0] * 30
    assert len(second) == 30
    assert min(second) == 0
    assert 2 < sum(second) < 8  # 30 times a sixth is what two bidders expect


def test_what_was_paid_leaves_the_budget() -> None:
    env = Bidding(Rules(auctions=1, rounds=1), rivals=("truthful",))
    for seed in range(20):
        seen, _ = env.reset(seed=seed)
        value = float(seen[VALUE])
        seen, reward, *_ = env.step(np.int64(WHOLE))
        price = 10 * (1 - float(seen[BUDGET]))  # the budget is ten million
        assert reward == pytest.approx(value - price if price else 0, abs=1e-5)


def test_a_bid_beyond_the_budget_is_refused() -> None:
    env = Bidding(Rules(auctions=1, rounds=2, budget_minor=1))
    env.reset(seed=7)
    seen, reward, _, _, info = env.step(np.int64(WHOLE))
    assert (reward, seen[STANDS], info["refused_bids"]) == (0, 0, 1)


def test_who_is_outbid_sees_the_price_and_that_its_bid_no_longer_stands() -> None:
    env = Bidders(2, Rules(format="english", auctions=1, rounds=3))
    seen, _ = env.reset(seed=7)
    low, high = sorted(env.agents, key=lambda name: float(seen[name][VALUE]))
    seen, *_ = env.step({low: np.int64(WHOLE), high: np.int64(0)})
    assert seen[low][STANDS] == 1
    seen, *_ = env.step({low: np.int64(0), high: np.int64(WHOLE)})
    assert (seen[low][STANDS], seen[high][STANDS]) == (0, 1)
    assert seen[low][PRICE] == seen[high][PRICE] == pytest.approx(seen[low][VALUE], abs=3e-6)


def test_nobody_sees_anything_of_anothers_sealed_bid_before_the_end() -> None:
    views = []
    for level in (0, WHOLE):
        env = Bidders(2, Rules(format="second-price", auctions=1, rounds=4))
        view = [env.reset(seed=7)[0]["bidder_0"]]
        view += [
            env.step({"bidder_0": np.int64(10), "bidder_1": np.int64(level)})[0]["bidder_0"]
            for _ in range(3)
        ]
        views.append(np.array(view))
    assert np.array_equal(*views)


def test_a_dutch_price_falls_until_somebody_takes_it() -> None:
    env = Bidding(Rules(format="dutch", auctions=1, rounds=4), rivals=())
    prices = [float(env.reset(seed=7)[0][PRICE])]
    prices += [float(env.step(np.int64(0))[0][PRICE]) for _ in range(3)]
    assert prices == pytest.approx([1, 0.75, 0.5, 0.25], abs=1e-5)


@pytest.mark.parametrize(
    ("rules", "rivals"), [({"format": "barter"}, ()), ({"rounds": 0}, ()), ({}, ("psychic",))]
)
def test_what_cannot_be_is_refused(rules: dict, rivals: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"there are|at least"):
        Bidding(Rules(**rules), rivals)


def test_the_example_of_the_documents_finds_the_best_answer(capsys) -> None:
    (example,) = (
        block
        for block in re.findall(
            r"```python\n(.*?)```", (ROOT / "docs" / "simulation.md").read_text(), re.DOTALL
        )
        if "gymnasium" in block
    )
    exec(example, {})
    assert "bid 10 of 20 parts of the value" in capsys.readouterr().out


def test_without_the_extra_it_is_said_what_to_install() -> None:
    code = "import sys; sys.modules['pettingzoo'] = None; import services.laboratory.environments"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "pettingzoo is missing: learning environments need the extra `learning`" in told.stderr
    assert 'pip install ".[learning]"' in told.stderr
