"""Sealed, uniform and Dutch auctions against the text of their rules, and bounds that all keep."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.clearing import uniform_price
from schemas.auctions import UniformPricing
from schemas.events import BidPlaced, GrantIssued, TradeExecuted
from tests.builders.auctions import (
    House,
    discriminatory,
    dutch,
    sealed_first,
    sealed_second,
    uniform,
)
from tests.builders.market import T0

START = 20
BIDDERS = ("pty_anna", "pty_bole", "pty_chen")
Bids = list[tuple[str, tuple[int, ...]]]
bidders = st.sampled_from(BIDDERS)
amounts = st.integers(1, 60)  # few values, so that ties are many
single = st.lists(st.tuples(bidders, amounts.map(lambda amount: (amount,))), max_size=12)
several = st.lists(
    st.tuples(
        bidders,
        st.lists(amounts, min_size=1, max_size=5).map(
            lambda units: tuple(sorted(units, reverse=True))
        ),
    ),
    max_size=12,
)
rights = st.sets(bidders).map(lambda ids: tuple(sorted(ids)))
reserves = st.sampled_from([0, 25, 45])
examples = settings(max_examples=150, deadline=None)


def ranking(bids: Bids, rights: tuple[str, ...], least: int) -> list[tuple[int, str]]:
    """The text: each bidder's last bid counts; higher units first, then rights, then earlier."""
    last = {bidder: (order, units) for order, (bidder, units) in enumerate(bids)}
    ranked = [
        (-unit, bidder not in rights, order, bidder)
        for bidder, (order, units) in last.items()
        for unit in units
        if unit >= least
    ]
    return [(-unit, bidder) for unit, _, _, bidder in sorted(ranked)]


def run(house: House, bids: Bids) -> tuple[Bids, list[TradeExecuted]]:
    """Bid and close; return the bids that were placed and the trades."""
    taken: Bids = []
    for bidder, units in bids:
        if any(isinstance(event, BidPlaced) for event in house.units(bidder, *units)):
            taken.append((bidder, units))
    happened = house.close()
    trades = [event for event in happened if isinstance(event, TradeExecuted)]
    licences = {event.trade_id: event.licences for event in happened if type(event) is GrantIssued}
    assert licences == {trade.id: trade.quantity for trade in trades}
    assert house.venue.settlement.ledger.holds == {}
    assert not house.venue.matching.auctions
    for bidder in BIDDERS:
        paid = sum(trade.price_minor for trade in trades if trade.buyer_id == bidder)
        assert house.balance(f"{bidder}/CNY/available") == 10_000_000 - paid
    return taken, trades


@given(single, rights, reserves)
@examples
def test_sealed_first_price_sells_to_the_first_in_rank_for_its_own_bid(
    bids: Bids, rights: tuple[str, ...], reserve: int
) -> None:
    terms = sealed_first(start_price_minor=START, reserve_price_minor=reserve, priority_ids=rights)
    taken, trades = run(House(terms), bids)
    assert taken == [(bidder, units) for bidder, units in bids if units[0] >= START]
    ranked = ranking(taken, rights, max(START, reserve))
    assert [(t.price_minor, t.buyer_id) for t in trades] == ranked[:1]


@given(single, rights, reserves)
@examples
def test_sealed_second_price_charges_the_second_in_rank_the_reserve_or_the_start_price(
    bids: Bids, rights: tuple[str, ...], reserve: int
) -> None:
    terms = sealed_second(start_price_minor=START, reserve_price_minor=reserve, priority_ids=rights)
    taken, trades = run(House(terms), bids)
    least = max(START, reserve)
    ranked = ranking(taken, rights, least)
    second = [unit for unit, _ in ranked[1:2]] or [least]
    assert [(t.price_minor, t.buyer_id) for t in trades] == [
        (second[0], bidder) for _, bidder in ranked[:1]
    ]


@given(several, rights, reserves, st.integers(1, 6), st.sampled_from(UniformPricing))
@example([("pty_anna", (50,)), ("pty_bole", (50,))], (), 0, 1, UniformPricing.HIGHEST_LOSING)
@examples
def test_uniform_sells_the_first_k_units_in_rank_at_one_price(
    bids: Bids, rights: tuple[str, ...], reserve: int, k: int, pricing: UniformPricing
) -> None:
    terms = uniform(
        k,
        start_price_minor=START,
        reserve_price_minor=reserve,
        priority_ids=rights,
        pricing=pricing,
    )
    taken, trades = run(House(terms), bids)
    least = max(START, reserve)
    ranked = ranking(taken, rights, least)
    won = [bidder for _, bidder in ranked[:k]]
    assert {t.buyer_id: t.quantity for t in trades} == {name: won.count(name) for name in won}
    if pricing is UniformPricing.LOWEST_WINNING:
        price = ranked[k - 1][0] if len(ranked) >= k else least
    else:
        price = ranked[k][0] if len(ranked) > k else least
    assert {t.price_minor for t in trades} == {price * won.count(name) for name in won}
    assert sum(trade.quantity for trade in trades) <= k
    worth = dict(taken)
    for trade in trades:
        assert trade.price_minor <= sum(worth[trade.buyer_id][: trade.quantity])
        assert trade.price_minor >= least * trade.quantity


@given(several, rights, reserves, st.integers(1, 6))
@examples
def test_discriminatory_sells_the_first_k_units_in_rank_for_what_was_bid(
    bids: Bids, rights: tuple[str, ...], reserve: int, k: int
) -> None:
    terms = discriminatory(
        k, start_price_minor=START, reserve_price_minor=reserve, priority_ids=rights
    )
    taken, trades = run(House(terms), bids)
    paid: dict[str, list[int]] = {}
    for unit, bidder in ranking(taken, rights, max(START, reserve))[:k]:
        paid.setdefault(bidder, []).append(unit)
    assert [(t.buyer_id, t.quantity, t.price_minor) for t in trades] == [
        (bidder, len(units), sum(units)) for bidder, units in paid.items()
    ]


@given(
    st.lists(st.integers(1, 99), max_size=8).map(lambda units: sorted(units, reverse=True)),
    st.integers(1, 8),
    st.integers(1, 99),
)
def test_the_highest_losing_price_is_never_above_the_lowest_winning_one(
    units: list[int], licences: int, least: int
) -> None:
    losing = uniform_price(units, licences, least, UniformPricing.HIGHEST_LOSING)
    winning = uniform_price(units, licences, least, UniformPricing.LOWEST_WINNING)
    assert least <= losing <= winning


@given(
    start=st.integers(1, 300),
    floor=st.integers(1, 300),
    step=st.integers(1, 50),
    interval_ms=st.integers(1, 1_000),
    bids=st.lists(st.tuples(bidders, st.integers(1, 300), st.integers(0, 300)), max_size=8),
)
@examples
def test_dutch_sells_to_the_first_whose_limit_reaches_the_clock(
    start: int, floor: int, step: int, interval_ms: int, bids: list[tuple[str, int, int]]
) -> None:
    floor = min(floor, start)
    terms = dutch(
        start_price_minor=start,
        floor_price_minor=floor,
        step_minor=step,
        interval_ms=interval_ms,
    )
    house = House(terms)
    expected, trades, elapsed_ms = [], [], 0
    for bidder, limit, later_ms in bids:
        elapsed_ms += later_ms
        clock = start
        for _ in range(elapsed_ms // interval_ms):  # the text, a step at a time
            clock = max(floor, clock - step)
        if not expected and limit >= clock:
            expected = [(bidder, clock)]
        happened = house.offer(bidder, limit, T0 + elapsed_ms)
        trades += [event for event in happened if isinstance(event, TradeExecuted)]
    assert [(trade.buyer_id, trade.price_minor) for trade in trades] == expected
    assert not [event for event in house.close() if isinstance(event, TradeExecuted)]
    assert house.venue.settlement.ledger.holds == {}
