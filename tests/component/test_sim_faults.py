"""The fault laboratory: what it must find, what it must not, and that it lives on real records."""

import json

import pytest

from schemas.topics import Service
from services.audit.replay import replay_log
from services.audit.sequencer import SEQUENCED
from simulation.faults.laboratory import Finding, live, shrink, try_seed
from simulation.faults.life import draw, is_fault
from simulation.faults.planted import PLANTS
from simulation.faults.world import World
from tests.builders.cli import run
from tests.builders.judgement import trail_of

SEEDS_OF_CI = 300
SEEDS_OF_A_PLANT = 500


def first_found(name: str) -> Finding:
    lives = (try_seed(seed, PLANTS[name]) for seed in range(SEEDS_OF_A_PLANT))
    found = next(filter(None, lives), None)
    assert found is not None, f"{name} was not found in {SEEDS_OF_A_PLANT} lives"
    return found


def test_nothing_breaks_in_the_lives_of_ci() -> None:
    found = filter(None, map(try_seed, range(SEEDS_OF_CI)))
    assert next(found, None) is None


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found_and_its_seed_tells_the_same_again(name: str) -> None:
    found = first_found(name)
    assert try_seed(found.seed, PLANTS[name]) == found


def test_a_finding_is_shrunk_to_what_it_needs() -> None:
    plant = PLANTS["never-released"]
    shortest = shrink(first_found("never-released"), plant)
    assert shortest.invariant == "nothing_stays_reserved"
    assert shortest.faults == 0
    assert [type(act).__name__ for act in shortest.life if type(act).__name__ != "Wait"] == [
        "Say",  # an auction
        "Say",  # a bid
        "Say",  # another of the same bidder
    ]
    for left_out in range(len(shortest.life)):
        life = shortest.life[:left_out] + shortest.life[left_out + 1 :]
        found = live(shortest.seed, life, plant)
        assert found is None or found.invariant != shortest.invariant


def test_half_a_life_is_a_life() -> None:
    life = draw(11)
    assert live(11, life[::2]) is None
    assert live(11, life[1::2]) is None


def test_the_trail_of_a_life_is_sequenced_and_replayed_by_the_audit() -> None:
    """The worker of the laboratory writes what the Stepper of the Kafka driver would."""
    for seed in range(12):
        life, world = draw(seed), World()
        assert any(map(is_fault, life))
        for act in life:
            world.do(act)
        world.end()
        trail = trail_of("gx", {name: world.topics.records[name] for name in SEQUENCED})
        assert trail.size == len(world.topics.journal)
        assert replay_log(trail).findings == []
        assert min(world.topics.epochs[s] for s in (Service.MATCHING, Service.SETTLEMENT)) > 1


def test_lives_without_a_finding_end_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sim", "faults", "--seeds", "3", "--start", "7", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"plant": "", "lives": 3, "finding": None}


def test_a_finding_ends_with_one_and_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sim", "faults", "--plant", "wrong-id", "--seeds", "20") == 1
    told = capsys.readouterr().out
    assert "commands_take_effect_once" in told
    assert "  1. say" in told
    assert "again: databourse sim faults --seed" in told


def test_an_unknown_bug_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sim", "faults", "--plant", "gremlin") == 2
    assert "tie-to-the-later" in capsys.readouterr().err
