"""The venue's clock as the services keep it."""

from msgspec.structs import replace

from market import matching, settlement
from market.memory import WINDOW_MS
from schemas import events as e
from schemas.commands import Deposit, TimePassed
from schemas.reasons import Refusal
from tests.builders.market import T0, Market


def test_a_deadline_noted_late_does_not_open_the_door_to_forgotten_commands() -> None:
    """Services that run apart, or a jump of the clock, bring deadlines that are long over."""
    market = Market()
    market.buyer("anna")
    market.deposit("pty_anna", 500, id="trf_once")
    once = next(m for m, _ in market.log if isinstance(m, Deposit) and m.id == "trf_once")
    market.until(T0 + WINDOW_MS)
    market.say(replace(once, id="trf_later", at_ms=T0 + WINDOW_MS))
    market.until(T0 + 3 * WINDOW_MS)  # by now trf_once is forgotten
    late = e.DeadlineScheduled(at_ms=T0, id="auc_late", due_ms=T0 + 1)
    state = market.venue.settlement
    for noted in settlement.decide(state, late):
        settlement.evolve(state, noted)
    assert market.until(T0 + 1) != []

    assert state.now_ms == T0 + 2 * WINDOW_MS
    (refused,) = market.say(once)
    assert isinstance(refused, e.InstructionRefused)
    assert refused.reason is Refusal.STALE
    assert market.balance("pty_anna/CNY/available") == 1_000


def test_matchings_clock_stays_where_it_is_when_an_earlier_time_is_told() -> None:
    state = matching.State()
    for now_ms in (T0 + 5, T0):
        (advanced,) = matching.decide(state, e.TimeAdvanced(at_ms=now_ms, now_ms=now_ms))
        matching.evolve(state, advanced)
    assert state.now_ms == T0 + 5


def test_a_tick_that_nothing_waits_for_changes_nothing() -> None:
    market = Market()
    assert market.say(TimePassed(id="tick_1", at_ms=T0 - 1, due_ms=T0 - 1)) == []
