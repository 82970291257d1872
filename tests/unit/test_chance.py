"""Streams by name."""

from simulation.chance import Chance


def test_a_stream_is_the_same_whatever_else_is_drawn() -> None:
    alone = Chance(7).stream(0, "anna", "value").random()
    chance = Chance(7)
    chance.stream(0, "bole", "value").random()
    chance.stream(0, "anna", "arrival").random()
    assert chance.stream(0, "anna", "value").random() == alone


def test_seed_and_every_part_of_the_key_make_another_stream() -> None:
    keys = [
        (7, (0, "anna", "value")),
        (8, (0, "anna", "value")),
        (7, (1, "anna", "value")),
        (7, (0, "bole", "value")),
        (7, (0, "anna", "arrival")),
        (7, ("0", "anna", "value")),
        (7, (0, "anna val", "ue")),
    ]
    assert len({Chance(seed).stream(*key).random() for seed, key in keys}) == len(keys)


def test_a_stream_is_the_same_in_every_version() -> None:
    assert Chance(7).stream(0, "anna", "value").randrange(10**6) == 11_084
