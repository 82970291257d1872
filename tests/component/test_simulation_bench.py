"""The simulator's benchmark does what it says, in small: its peers do the same work."""

import pytest

from bench import simulation
from bench.peers import schedulers


@pytest.mark.parametrize("wake", schedulers.BY.values(), ids=schedulers.BY)
def test_each_scheduler_wakes_every_agent_as_often(wake) -> None:
    assert wake(3, 5) == 15


def test_auctions_held_and_cleared_earn_what_the_bare_loops_do() -> None:
    rows = [*simulation.held_rows(auctions=3), *simulation.cleared_rows(bids=40)]
    assert all(row.value > 0 for row in rows)


def test_a_market_says_so_many_commands_and_its_venue_takes_them_ready_made() -> None:
    rows = simulation.market_rows(commands=200)
    assert all(row.value > 0 for row in rows)
