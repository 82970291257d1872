"""What each strategy is defined by, and that what it does changes nobody's values."""

from random import Random
from typing import NamedTuple

import pytest

from schemas.auctions import (
    AuctionTerms,
    EnglishTerms,
    IncrementStep,
    SealedFirstPriceTerms,
)
from schemas.commands import PlaceBid
from schemas.envelope import Message
from schemas.events import TradeExecuted
from simulation.agents.bidding import Ending
from simulation.agents.crowd import chosen
from simulation.agents.registry import BIDDING
from simulation.chance import Chance
from simulation.kernel import Kernel
from simulation.lot import Lot
from simulation.scenario.schema import check
from simulation.scenario.world import build

HOUR_MS = 3_600_000


class Held(NamedTuple):
    kernel: Kernel
    messages: list[Message]

    def trades(self) -> list[TradeExecuted]:
        return [one for one in self.messages if isinstance(one, TradeExecuted)]

    def bids(self, role: str) -> list[PlaceBid]:
        characters = self.kernel.characters
        return [
            one
            for one in self.messages
            if isinstance(one, PlaceBid) and characters[one.bidder_id].role == role
        ]


COMMON = {"currency": "CNY", "starts_at_ms": 0, "ends_at_ms": HOUR_MS, "start_price_minor": 100}
STEPS = (IncrementStep(below_minor=None, increment_minor=10),)
ENGLISH = EnglishTerms(**COMMON, increments=STEPS)
FIRST_PRICE = SealedFirstPriceTerms(**COMMON)


def lot_at(terms: AuctionTerms, price_minor: int = 0) -> Lot:
    lot = Lot("auc_1", terms)
    lot.price_minor = price_minor
    return lot


@pytest.mark.parametrize("terms", [ENGLISH, FIRST_PRICE])
@pytest.mark.parametrize("price_minor", [0, 100, 400, 480, 495, 600])
def test_a_constrained_trader_never_bids_above_its_value(
    terms: AuctionTerms, price_minor: int
) -> None:
    trader, draw, lot = BIDDING["zi_c"]({}), Random(1), lot_at(terms, price_minor)
    for value_minor in (0, 1, 99, 100, 101, 500):
        for _ in range(200):
            for wish in (
                trader.begin(lot, value_minor, 0, draw),
                trader.outbid(lot, value_minor, 0, draw),
            ):
                assert wish is None or 100 <= wish.max_price_minor <= value_minor


def test_an_unconstrained_trader_bids_above_its_value_too() -> None:
    trader, draw = BIDDING["zi_u"]({"ceiling": 2}), Random(1)
    wishes = [trader.begin(lot_at(ENGLISH), 500, 0, draw) for _ in range(100)]
    assert any(wish and wish.max_price_minor > 500 for wish in wishes)


def test_an_incremental_bidder_goes_up_step_by_step_to_its_value() -> None:
    bidder, draw = BIDDING["incremental"]({"step": 0.1}), Random(1)
    prices = []
    for price_minor in (0, 200, 480, 491):
        wish = bidder.outbid(lot_at(ENGLISH, price_minor), 500, 0, draw)
        prices.append(wish and wish.max_price_minor)
    assert prices == [100, 250, 500, None]


def test_zip_comes_to_bid_a_little_above_what_its_rivals_bid() -> None:
    bidder, draw, wishes = BIDDING["zip"]({}), Random(3), []
    for _ in range(300):
        wish = bidder.begin(lot_at(FIRST_PRICE), 500, 0, draw)
        assert wish is not None
        won = wish.max_price_minor > 300
        price = wish.max_price_minor if won else 300
        bidder.learn(lot_at(FIRST_PRICE), Ending(500, won, price), draw)
        wishes.append(wish.max_price_minor)
    assert max(wishes) <= 500
    assert 280 < sum(wishes[100:]) / 200 < 330
    assert sum(wish > 300 for wish in wishes[100:]) > 50


def test_zip_answers_until_the_price_has_passed_its_value() -> None:
    bidder, draw = BIDDING["zip"]({}), Random(3)
    wishes = [bidder.outbid(lot_at(ENGLISH, 480), 500, 0, draw) for _ in range(60)]
    assert wishes[-1] is not None
    assert 490 <= wishes[-1].max_price_minor <= 500
    assert bidder.outbid(lot_at(ENGLISH, 491), 500, 0, draw) is None


def spent_by(strategy: str) -> list[int]:
    """Let one bid for 100 lots worth 200 to 1,000, against a rival at half, second price."""
    bidder = BIDDING[strategy]({"budget_minor": 12_000, "auctions": 100, "step": 0.1})
    draw, total, spent = Random(5), 0, []
    for number in range(100):
        lot = Lot(f"auc_{number}", ENGLISH)
        value, rival = draw.randint(200, 1000), draw.randint(100, 500)
        wish = bidder.begin(lot, value, 0, draw)
        won = wish is not None and wish.max_price_minor > rival
        if hasattr(bidder, "learn"):
            bidder.learn(lot, Ending(value, won, rival), draw)
        total += rival if won else 0
        spent.append(total)
    return spent


def test_a_paced_bidder_makes_its_budget_last() -> None:
    greedy, paced = spent_by("truthful"), spent_by("budget_paced")
    assert greedy[54] > 12_000  # one who does not pace has nothing left soon after half
    assert paced[-1] <= 12_000
    assert 4_500 < paced[49] < 7_500
    assert paced[-1] > 9_000


def test_a_paced_bidder_never_pledges_more_than_it_has() -> None:
    bidder, draw = BIDDING["budget_paced"]({"budget_minor": 1000, "auctions": 2}), Random(1)
    wishes = [bidder.begin(Lot(f"auc_{number}", ENGLISH), 700, 0, draw) for number in range(3)]
    assert [wish and wish.max_price_minor for wish in wishes] == [700, 300, None]
    assert bidder.outbid(Lot("auc_0", ENGLISH), 700, 0, draw) is None
    again = bidder.begin(Lot("auc_4", ENGLISH), 900, 0, draw)
    assert again is not None
    assert again.max_price_minor == 700


@pytest.mark.parametrize(
    ("prices", "value_minor", "best"),
    [
        ([110, 120, 130], 140, 121),  # 29 of 1, 19 of 2, 9 of 3: 38 is most
        ([110, 120, 130], 400, 131),
        ([110, 120, 300], 330, 121),
        ([110], 100, 50),  # nothing to gain: its share of the value
        ([], 100, 50),
    ],
)
def test_a_best_response_weighs_winning_against_paying(
    prices: list[int], value_minor: int, best: int
) -> None:
    bidder, draw = BIDDING["best_response"]({"share": 0.5}), Random(1)
    for price in prices:
        bidder.learn(lot_at(FIRST_PRICE), Ending(value_minor, False, price), draw)
    wish = bidder.begin(lot_at(FIRST_PRICE), value_minor, 0, draw)
    assert wish is not None
    assert wish.max_price_minor == best
    truthful = bidder.begin(lot_at(ENGLISH), value_minor, 0, draw)
    assert truthful is not None
    assert truthful.max_price_minor == value_minor


def test_a_shill_makes_others_pay_more_and_is_known_to_the_figures_alone() -> None:
    honest = {"strategy": "truthful", "weight": 4}
    without = held_market(honest, {"strategy": "shill", "settings": {"share": 0.0}})
    shilled = held_market(honest, {"strategy": "shill", "settings": {"share": 0.7}})
    assert without.bids("shill") == []
    assert shilled.bids("shill")
    assert shilled.kernel.values == without.kernel.values
    assert all(
        shilled.kernel.characters[name].role == ""
        for worth in shilled.kernel.values.values()
        for name in worth
    )
    paid = {trade.deal_id: trade.price_minor for trade in without.trades()}
    assert all(trade.price_minor >= paid[trade.deal_id] for trade in shilled.trades())
    assert sum(t.price_minor for t in shilled.trades()) > sum(paid.values())


def test_only_the_one_who_values_it_most_bids_seriously_for_a_ring() -> None:
    honest = held_market({"strategy": "truthful"})
    ring = held_market({"strategy": "ring", "settings": {"cover": 0.2}})
    assert ring.kernel.values == honest.kernel.values
    serious = 0
    for bid in ring.bids("ring"):
        worth = ring.kernel.values[bid.auction_id]
        if bid.max_price_minor == worth[bid.bidder_id] == max(worth.values()):
            serious += 1
        else:
            assert bid.max_price_minor == worth[bid.bidder_id] * 2 // 10
    assert len(ring.trades()) <= serious <= len(ring.kernel.values)
    paid = {trade.deal_id: trade for trade in honest.trades()}
    for trade in ring.trades():
        assert trade.buyer_id == paid[trade.deal_id].buyer_id
    assert (
        sum(t.price_minor for t in ring.trades()) < sum(t.price_minor for t in honest.trades()) / 2
    )


def test_more_members_leave_the_first_ones_choice_as_it_was() -> None:
    for seed in range(20):
        few = list(chosen(50, 0.1, Random(seed)))
        many = list(chosen(500, 0.1, Random(seed)))
        assert [number for number in many if number < 50] == few
    assert list(chosen(3, 1, Random(1))) == [0, 1, 2]
    assert list(chosen(3, 0, Random(1))) == []


def held_market(*bidding: dict[str, object], buyers: int = 20, money: int = 10**9) -> Held:
    """Hold twelve days of auctions of two listings of one supplier."""
    auction = {
        "format": "english",
        "every_days": 3,
        "interest": 0.4,
        "value": {"private": {"distribution": "uniform", "low": 100, "high": 9000}},
    }
    listing = {"name_zh": "甲", "name_en": "A", "field": "ocean", "count": 2, "auction": auction}
    fixed = {"distribution": "fixed", "value": money}
    scenario = check(
        {
            "title": "small",
            "days": 12,
            "agents": {"buyers": buyers},
            "money": {"buyers": fixed, "users": fixed},
            "listings": [listing],
            "bidding": list(bidding),
        }
    )
    kernel = build(scenario, Chance(7), BIDDING)
    messages = [message for cascade in kernel.run(scenario.end_ms) for message, _ in cascade]
    return Held(kernel, messages)


def market_values(strategy: str, **settings: int) -> dict[str, dict[str, int]]:
    return held_market({"strategy": strategy}, **settings).kernel.values


def test_other_strategies_meet_the_same_values() -> None:
    values = market_values("truthful")
    assert len(values) >= 6
    assert market_values("incremental") == values
    assert market_values("zi_c") == values


def test_one_more_buyer_leaves_the_others_values_as_they_were() -> None:
    more = {
        auction_id: {name: value for name, value in worth.items() if name != "pty_buyer00020"}
        for auction_id, worth in market_values("truthful", buyers=21).items()
    }
    assert more == market_values("truthful")


def test_buyers_without_money_give_up_and_the_market_goes_on() -> None:
    assert market_values("truthful", money=200) == market_values("truthful")
