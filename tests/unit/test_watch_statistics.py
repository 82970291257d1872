"""Statistics of days and weeks, and what of them is withheld."""

from market.watch.facts import Charged, Placed, Refused, Used
from market.watch.statistics import NAMES_MAX
from schemas.events import Figure, MarketStatisticsPublished, UseStatisticsPublished
from tests.builders.watching import DAY0, DAY_MS, Watch, of_kind, sold


def test_a_day_of_deals_is_counted_by_mode_with_its_parties_and_its_money() -> None:
    watch = Watch()
    watch.deal(DAY0, sold("pty_anna", paid_minor=700, quantity=2))
    watch.deal(DAY0, sold("pty_anna", paid_minor=300, mode="metered"))
    watch.deal(DAY0, sold("pty_bole", paid_minor=0, mode="free", currency=None))
    watch.deal(DAY0, sold("pty_bole", "pty_jobs", 5, "jobs", currency="USD"))
    watch.deal(DAY0, Placed(auction_id="auc_1", bidder_id="pty_chen"))
    watch.deal(DAY0, Refused(party_id="pty_chen"))
    day, week = of_kind(watch.deal(DAY0 + 2 * DAY_MS), MarketStatisticsPublished)
    assert (day.start_ms, day.end_ms, day.at_ms) == (DAY0, DAY0 + DAY_MS, DAY0 + DAY_MS)
    assert (day.free, day.metered, day.auctioned, day.licences) == (1, 1, 2, 3)
    assert (day.bids, day.refused, day.bidders) == (1, 1, 1)
    assert (day.buyers, day.suppliers, day.data_sets) == (2, 2, 2)
    assert day.volume == (
        Figure(currency="CNY", amount_minor=1_000),
        Figure(currency="USD", amount_minor=5),
    )
    assert week.start_ms == DAY0 - 6 * DAY_MS
    assert (week.volume, week.buyers) == (day.volume, day.buyers)
    assert day.id != week.id


def test_a_week_adds_money_up_and_counts_each_party_once() -> None:
    watch = Watch()
    said = []
    for number in range(8):
        said += watch.deal(DAY0 + number * DAY_MS, sold("pty_anna"))
    said += watch.deal(DAY0 + 9 * DAY_MS)
    weeks = [
        one
        for one in of_kind(said, MarketStatisticsPublished)
        if one.end_ms - one.start_ms > DAY_MS
    ]
    assert [one.auctioned for one in weeks] == [1, 2, 3, 4, 5, 6, 7, 7]
    assert {one.buyers for one in weeks} == {1}


def test_beyond_the_limit_parties_are_not_told_apart_and_it_says_so() -> None:
    watch = Watch()
    for number in range(NAMES_MAX):
        watch.deal(DAY0, Placed(auction_id="auc_1", bidder_id=f"pty_{number:05}"))
    watch.deal(DAY0, Placed(auction_id="auc_1", bidder_id="pty_00000"))
    assert not watch.state.deals.statistics.days.kept[0].content.capped
    watch.deal(DAY0, Placed(auction_id="auc_1", bidder_id="pty_more"))
    day, _ = of_kind(watch.deal(DAY0 + 2 * DAY_MS), MarketStatisticsPublished)
    assert (day.bidders, day.capped) == (NAMES_MAX, True)


def use_by(watch: Watch, at_ms: int, *buyers: str) -> list:
    said = []
    for buyer in buyers:
        fact = Used(grant_id=f"grt_{buyer}", buyer_id=f"pty_{buyer}", quantity=5)
        said += watch.use(at_ms, fact)
        said += watch.use(at_ms, Charged(currency="CNY", amount_minor=10))
    return said


def test_the_use_of_three_buyers_is_published() -> None:
    watch = Watch()
    use_by(watch, DAY0, "anna", "anna", "bole", "chen")
    day, _ = of_kind(watch.use(DAY0 + 2 * DAY_MS), UseStatisticsPublished)
    assert (day.buyers, day.grants, day.uses, day.refused) == (3, 3, 4, 0)
    assert day.charged == (Figure(currency="CNY", amount_minor=40),)
    assert not day.withheld


def test_the_use_of_two_buyers_is_withheld_and_so_is_each_week_with_such_a_day() -> None:
    watch = Watch()
    said = use_by(watch, DAY0, "anna", "bole")
    said += use_by(watch, DAY0 + DAY_MS, "anna", "bole", "chen")
    said += use_by(watch, DAY0 + 7 * DAY_MS, "anna", "bole", "chen")
    published = of_kind(said + watch.use(DAY0 + 9 * DAY_MS), UseStatisticsPublished)
    shown = [((one.end_ms - one.start_ms) // DAY_MS, one.withheld) for one in published]
    assert shown == [(1, True), (7, True), (1, False), (7, True), (1, False), (7, False)]
    hidden = published[0]
    assert (hidden.buyers, hidden.uses, hidden.grants, hidden.charged) == (2, 0, 0, ())
