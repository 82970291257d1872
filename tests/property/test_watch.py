"""The watch says the same however its topics interleave, and however often it is told."""

from collections import deque

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from market.watch.facts import (
    Admitted,
    Charged,
    Described,
    Fact,
    Opened,
    Placed,
    Refused,
    Seen,
    Unsold,
    Used,
)
from market.watch.state import DEALS_TOPICS, TOPICS, State, observe
from market.watch.statistics import Statistics, Tally, add, close_deals, sum_of, tally
from market.watch.windows import DAY_MS, HOUR_BY_QUARTERS, HOUR_MS, Panes, closings, pane
from schemas.envelope import encode
from schemas.events import MarketStatisticsPublished
from tests.builders.watching import DAY0, sold

PARTIES = st.sampled_from(["pty_anna", "pty_bole", "pty_chen"])
AUCTIONS = st.sampled_from(["auc_1", "auc_2"])
SUPPLIERS = st.sampled_from(["pty_weather", "pty_jobs"])
DATA_SETS = st.sampled_from(["rain", "sun"])
DEALS: st.SearchStrategy[Fact | None] = st.one_of(
    st.none(),
    st.builds(Admitted, party_id=PARTIES, controller_id=st.none() | SUPPLIERS),
    st.builds(
        Described,
        listing_id=DATA_SETS.map("lst_{}".format),
        field=st.sampled_from(["meteorology", "employment"]),
    ),
    st.builds(Opened, auction_id=AUCTIONS, supplier_id=SUPPLIERS),
    st.builds(Placed, auction_id=AUCTIONS, bidder_id=PARTIES),
    st.builds(Unsold, auction_id=AUCTIONS),
    st.builds(Refused, party_id=PARTIES),
    st.builds(sold, PARTIES, SUPPLIERS, st.integers(1, 10**6), DATA_SETS, deal_id=AUCTIONS),
)
USES: st.SearchStrategy[Fact | None] = st.one_of(
    st.none(),
    st.builds(
        Used, grant_id=st.just("grt_1"), buyer_id=PARTIES, quantity=st.sampled_from([1, 500])
    ),
    st.builds(Charged, currency=st.just("CNY"), amount_minor=st.integers(0, 100)),
    st.builds(Refused, party_id=PARTIES),
)
# Mostly minutes, sometimes days, and now and then a little or far back.
STEPS_MS = st.one_of(
    st.integers(0, HOUR_MS), st.integers(0, 10 * DAY_MS), st.integers(-2 * DAY_MS, 0)
)
Told = tuple[str, Seen]


@st.composite
def topics(draw: st.DrawFn) -> dict[str, list[Seen]]:
    """Draw what stands on each topic, in the order of its writer's sequence."""
    found: dict[str, list[Seen]] = {topic: [] for topic in TOPICS}
    for service, facts, own in (
        ("matching", DEALS, sorted(DEALS_TOPICS)),
        ("settlement", USES, ["grants"]),
    ):
        at_ms = DAY0
        for number, (fact, step_ms, topic) in enumerate(
            draw(st.lists(st.tuples(facts, STEPS_MS, st.sampled_from(own)), max_size=60)), start=1
        ):
            at_ms = max(DAY0, at_ms + step_ms)
            id = f"{service}-{number}"
            found[topic].append(
                Seen(sequence=number, id=id, correlationid=f"cmd_{id}", at_ms=at_ms, fact=fact)
            )
    return found


def interleaved(found: dict[str, list[Seen]], order: list[int]) -> list[Told]:
    """Return all of it, each topic in its own order, the next topic picked by these numbers."""
    waiting = {topic: deque(seen) for topic, seen in sorted(found.items())}
    picks = deque(order)
    told = []
    while ready := [topic for topic, left in waiting.items() if left]:
        topic = ready[(picks.popleft() if picks else 0) % len(ready)]
        told.append((topic, waiting[topic].popleft()))
    return told


def said(told: list[Told], state: State | None = None) -> dict[str, list[bytes]]:
    """Return what the watch says, with its causes, by stream: the streams may race each other."""
    state = state or State()
    found: dict[str, list[bytes]] = {"matching": [], "settlement": []}
    for topic, seen in told:
        for event, cause in observe(state, topic, seen):
            found[cause.id.partition("-")[0]].append(encode([event, cause.id, cause.correlationid]))
    return found


def in_order(found: dict[str, list[Seen]]) -> list[Told]:
    told = [(topic, seen) for topic, some in found.items() for seen in some]
    return sorted(told, key=lambda one: (one[0] == "grants", one[1].sequence))


@given(topics(), st.lists(st.integers(0, 2), max_size=120))
def test_the_order_in_which_topics_are_read_does_not_matter(
    found: dict[str, list[Seen]], order: list[int]
) -> None:
    state, other = State(), State()
    assert said(interleaved(found, order), state) == said(in_order(found), other)
    assert encode(state) == encode(other)
    assert state.deals.held == {}


@given(topics(), st.lists(st.integers(0, 2), max_size=120), st.data())
def test_what_is_delivered_again_counts_once(
    found: dict[str, list[Seen]], order: list[int], data: st.DataObject
) -> None:
    """A consumer that was killed begins again some records before the one it was at."""
    told = interleaved(found, order)
    again, position = [], 0
    while position < len(told):
        again.append(told[position])
        back = data.draw(st.sampled_from([0, 0, 0, 1, 7]))
        again += told[max(0, position - back) : position]
        position += 1
    state, once = State(), State()
    assert said(again, state) == said(told, once)
    assert encode(state) == encode(once)


@given(topics(), st.lists(st.integers(0, 2), max_size=120), st.integers(0, 120))
def test_a_state_written_and_read_back_goes_on_as_if_nothing_had_been(
    found: dict[str, list[Seen]], order: list[int], at: int
) -> None:
    told = interleaved(found, order)
    state = State()
    first = said(told[:at], state)
    back = msgspec.json.decode(encode(state), type=State)
    rest = said(told[at:], back)
    whole = said(told)
    assert {stream: first[stream] + rest[stream] for stream in whole} == whole


@given(topics(), st.lists(st.integers(0, 2), max_size=120))
def test_no_id_is_said_twice(found: dict[str, list[Seen]], order: list[int]) -> None:
    state = State()
    ids = [
        event.id
        for topic, seen in interleaved(found, order)
        for event, _ in observe(state, topic, seen)
    ]
    assert len(ids) == len(set(ids))


@given(st.lists(st.tuples(st.integers(0, 20 * HOUR_MS), st.integers(1, 9)), max_size=60))
def test_a_hopping_window_is_the_sum_of_the_tumbling_ones_inside_it(
    happened: list[tuple[int, int]],
) -> None:
    quarters: Panes[list[int]] = Panes()
    for after_ms, number in happened:
        at_ms = DAY0 + after_ms
        pane(quarters, HOUR_BY_QUARTERS, at_ms, DAY0, list).append(number)
    found = closings(quarters, HOUR_BY_QUARTERS, DAY0, DAY0 + DAY_MS)
    for hour in found:
        inside = [n for after, n in happened if hour.start_ms <= DAY0 + after < hour.end_ms]
        assert sorted(n for content in hour.contents for n in content) == sorted(inside)
    tumbling = [n for hour in found for n in hour.contents[-1]]
    assert sorted(tumbling) == sorted(number for _, number in happened)


@given(st.lists(st.tuples(st.integers(-DAY_MS, DAY_MS), st.integers(1, 9)), max_size=60))
def test_nothing_is_lost_between_days_however_late_it_comes(
    steps: list[tuple[int, int]],
) -> None:
    statistics, at_ms, now_ms = Statistics(), DAY0 + 5 * DAY_MS, 0
    published = []
    for step_ms, number in [*steps, (99 * DAY_MS, 0)]:
        at_ms = max(DAY0, at_ms + step_ms)
        before_ms, now_ms = now_ms, max(now_ms, at_ms)
        published += close_deals(statistics, before_ms, now_ms)
        add(tally(statistics, at_ms, now_ms), "bids", number)
    days = [
        event.bids
        for event in published
        if isinstance(event, MarketStatisticsPublished) and event.end_ms - event.start_ms == DAY_MS
    ]
    assert sum(days) == sum(number for _, number in steps)


@given(st.lists(st.dictionaries(PARTIES, st.integers(1, 9)), max_size=7))
def test_tallies_add_up(days: list[dict[str, int]]) -> None:
    tallies = [Tally(counts=dict(day), names={"buyers": set(day)}) for day in days]
    whole = sum_of(tallies)
    assert whole.counts == {
        party: sum(day.get(party, 0) for day in days) for day in days for party in day
    }
    assert whole.names.get("buyers", set()) == {party for day in days for party in day}
