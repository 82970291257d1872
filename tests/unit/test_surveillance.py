"""Each surveillance rule speaks where it should, and is silent just beside it."""

import pytest

from market.watch.alerts import EVIDENCE_KEPT
from market.watch.bursts import GRANTS_MAX
from market.watch.facts import Admitted, Described, Ended, Placed, Refused, Used
from schemas.events import AlertRaised, AlertRule
from schemas.events.watch import EVIDENCE_MAX
from tests.builders.watching import DAY0, DAY_MS, HOUR_MS, MINUTE_MS, Watch, of_kind, sold


def alerts(said: list) -> list[AlertRaised]:
    return of_kind(said, AlertRaised)


# --- one bidder, one supplier, no wins ----------------------------------------------------------


def bid_and_lose(watch: Watch, times: int, *others: str, wins: int = 0) -> None:
    for number in range(times):
        winner = "pty_shill" if number < wins else "pty_anna"
        watch.auction(DAY0, "pty_weather", "pty_anna", "pty_shill", *others, winner=winner)


def test_one_who_bids_with_one_supplier_only_and_never_wins_is_told_of() -> None:
    watch = Watch()
    bid_and_lose(watch, 5)
    watch.auction(DAY0, "pty_other", "pty_anna", winner="pty_anna")
    (alert,) = alerts(watch.deal(DAY0 + 2 * DAY_MS))
    assert alert.rule is AlertRule.SAME_SUPPLIER_NO_WINS
    assert alert.subjects == ("pty_shill", "pty_weather")
    assert (alert.score, alert.measured, alert.usual) == (50, 5, 0)
    assert alert.evidence == (
        "matching-3",
        "matching-7",
        "matching-11",
        "matching-15",
        "matching-19",
    )
    assert (alert.start_ms, alert.end_ms) == (DAY0 - 6 * DAY_MS, DAY0 + DAY_MS)


@pytest.mark.parametrize(
    ("auctions", "wins", "elsewhere"),
    [(4, 0, 0), (5, 1, 0), (5, 0, 1), (19, 0, 3)],
    ids=["too few", "wins one in five", "bids elsewhere too", "not nine in ten"],
)
def test_who_bids_little_wins_or_bids_elsewhere_is_not_told_of(
    auctions: int, wins: int, elsewhere: int
) -> None:
    watch = Watch()
    bid_and_lose(watch, auctions, wins=wins)
    for _ in range(elsewhere):
        watch.auction(DAY0, "pty_other", "pty_shill")
    said = alerts(watch.deal(DAY0 + 2 * DAY_MS))
    assert "pty_shill" not in {alert.subjects[0] for alert in said}


def test_auctions_of_different_days_of_a_week_count_together_and_those_before_do_not() -> None:
    watch = Watch()
    said = []
    for number in range(5):
        said += watch.auction(DAY0 + number * DAY_MS, "pty_weather", "pty_shill")
    (alert,) = alerts(said + watch.deal(DAY0 + 6 * DAY_MS))
    assert alert.measured == 5
    slow = Watch()
    for number in range(12):
        assert alerts(slow.auction(DAY0 + 2 * number * DAY_MS, "pty_weather", "pty_shill")) == []


def test_a_running_auction_says_nothing_of_its_bidders() -> None:
    watch = Watch()
    bid_and_lose(watch, 4)
    watch.deal(DAY0, Placed(auction_id="auc_unknown", bidder_id="pty_shill"))
    watch.auction(DAY0, "pty_weather")
    assert alerts(watch.deal(DAY0 + 2 * DAY_MS)) == []


def test_the_other_winners_of_an_auction_of_several_licences_are_winners() -> None:
    watch = Watch()
    for number in range(5):
        watch.auction(DAY0, "pty_weather", "pty_anna", "pty_bole", winner="pty_anna")
        watch.deal(DAY0, sold("pty_bole", deal_id=f"auc_{number + 1:04}"))
    assert alerts(watch.deal(DAY0 + 2 * DAY_MS)) == []


def test_while_it_goes_on_it_is_told_once_a_week() -> None:
    watch = Watch()
    said = []
    for number in range(30):
        for _ in range(2):
            said += watch.auction(DAY0 + number * DAY_MS, "pty_weather", "pty_shill")
    ends = [(alert.end_ms - DAY0) // DAY_MS for alert in alerts(said)]
    assert ends == [3, 10, 17, 24]
    assert all(len(alert.evidence) <= EVIDENCE_MAX for alert in alerts(said))


# --- buyer and supplier of one body --------------------------------------------------------------


def control(watch: Watch, at_ms: int = DAY0, **controllers: str | None) -> list[AlertRaised]:
    said = []
    for name, controller_id in controllers.items():
        fact = Admitted(party_id=f"pty_{name}", controller_id=controller_id)
        said += watch.deal(at_ms, fact)
    return alerts(said)


def test_a_trade_between_two_bodies_of_one_grandparent_is_told_of_at_once() -> None:
    watch = Watch()
    assert not control(watch, anna="pty_holding", holding="pty_top", weather="pty_top")
    (alert,) = alerts(watch.deal(DAY0, sold("pty_anna", "pty_weather")))
    assert alert.rule is AlertRule.COMMON_CONTROL
    assert alert.subjects == ("pty_anna", "pty_weather")
    assert (alert.about, alert.score, alert.evidence) == ("pty_top", 100, ("matching-4",))


def test_a_trade_between_strangers_is_not_told_of_until_one_body_controls_both() -> None:
    watch = Watch()
    assert not alerts(watch.deal(DAY0, sold("pty_anna", "pty_weather")))
    assert not alerts(watch.deal(DAY0, sold("pty_bole", "pty_weather")))
    assert not control(watch, anna="pty_top")
    (alert,) = control(watch, weather="pty_top")
    assert alert.subjects == ("pty_anna", "pty_weather")
    assert (alert.score, alert.evidence) == (60, ("matching-1", "matching-4"))
    assert not control(watch, weather="pty_top"), "it was told"


def test_a_change_of_control_long_after_a_trade_is_not_told_of() -> None:
    watch = Watch()
    watch.deal(DAY0, sold("pty_anna", "pty_weather"))
    later = DAY0 + 91 * DAY_MS
    assert not control(watch, later, anna="pty_top", weather="pty_top")


def test_control_given_up_no_longer_counts_and_a_circle_ends() -> None:
    watch = Watch()
    control(watch, anna="pty_top", weather="pty_top")
    control(watch, weather=None)
    assert not alerts(watch.deal(DAY0, sold("pty_anna", "pty_weather")))
    control(watch, bole="pty_chen", chen="pty_bole")
    assert not alerts(watch.deal(DAY0, sold("pty_bole", "pty_weather")))


# --- prices --------------------------------------------------------------------------------------


def priced(*days: dict[str, int]) -> list[AlertRaised]:
    """Sell at these prices, one day after the other; return what the last day's trades raise."""
    watch = Watch()
    for data_set in ("rain", "sun"):
        watch.deal(DAY0, Described(listing_id=f"lst_{data_set}", field="meteorology"))
    said: list = []
    for number, prices in enumerate(days):
        watch.deal(DAY0 + number * DAY_MS + HOUR_MS)
        said = [
            event
            for data_set, price in prices.items()
            for event in watch.deal(
                DAY0 + number * DAY_MS + HOUR_MS, sold(paid_minor=price, data_set=data_set)
            )
        ]
    return alerts(said)


@pytest.mark.parametrize(("price", "score"), [(3_000, 30), (333, 30), (20_000, 100)])
def test_a_price_three_times_or_a_third_of_the_last_is_told_of(price: int, score: int) -> None:
    (alert,) = priced({"rain": 1_000}, {"rain": price})
    assert alert.rule is AlertRule.PRICE_JUMP
    assert (alert.measured, alert.usual, alert.score) == (price, 1_000, score)
    assert (alert.about, alert.subjects) == ("dst_rain", ("pty_anna", "pty_weather"))


@pytest.mark.parametrize("price", [2_999, 334])
def test_a_price_just_within_is_not(price: int) -> None:
    assert priced({"rain": 1_000}, {"rain": price}) == []


def test_the_first_price_of_an_item_is_no_jump() -> None:
    assert priced({"rain": 1_000}, {"sun": 1_000_000}) == []


def test_a_price_that_went_with_its_field_is_no_jump() -> None:
    """The sun is sold at three times its price, after the rain and with it the field rose."""
    assert priced({"rain": 9_000, "sun": 1_000}, {"rain": 18_000}, {"sun": 3_000}) == []
    assert priced({"rain": 9_000, "sun": 1_000}, {"rain": 9_000}, {"sun": 3_000}) != []


# --- refusals ------------------------------------------------------------------------------------


def refuse(watch: Watch, times: int, at_ms: int, stream: str = "deal") -> list[AlertRaised]:
    tell = getattr(watch, stream)
    return alerts([e for _ in range(times) for e in tell(at_ms, Refused(party_id="pty_anna"))])


@pytest.mark.parametrize("stream", ["deal", "use"])
def test_twenty_refusals_in_an_hour_are_told_of_and_nineteen_are_not(stream: str) -> None:
    watch = Watch()
    refuse(watch, 10, DAY0, stream)
    refuse(watch, 10, DAY0 + 30 * MINUTE_MS, stream)
    (alert,) = alerts(getattr(watch, stream)(DAY0 + 2 * HOUR_MS))
    assert alert.rule is AlertRule.REPEATED_REFUSALS
    assert (alert.subjects, alert.measured, alert.score) == (("pty_anna",), 20, 50)
    assert len(alert.evidence) == 2 * EVIDENCE_KEPT
    assert alert.about == {"deal": "deals", "use": "use"}[stream]
    patient = Watch()
    refuse(patient, 19, DAY0, stream)
    assert alerts(getattr(patient, stream)(DAY0 + 2 * HOUR_MS)) == []


def test_refusals_of_two_hours_or_of_two_streams_do_not_add_up() -> None:
    watch = Watch()
    refuse(watch, 15, DAY0)
    refuse(watch, 15, DAY0, "use")
    said = refuse(watch, 15, DAY0 + HOUR_MS)
    assert alerts(said + watch.deal(DAY0 + DAY_MS) + watch.use(DAY0 + DAY_MS)) == []


def test_the_same_refusals_are_told_of_once_though_windows_overlap() -> None:
    watch = Watch()
    said = refuse(watch, 30, DAY0)
    for quarter in range(1, 4):
        said += refuse(watch, 1, DAY0 + quarter * 15 * MINUTE_MS)
    said += refuse(watch, 30, DAY0 + 2 * HOUR_MS)
    said += alerts(watch.deal(DAY0 + DAY_MS))
    assert [alert.measured for alert in said] == [30, 30]


# --- use -----------------------------------------------------------------------------------------


def use(watch: Watch, units: int, hour: int, grant_id: str = "grt_rain") -> list[AlertRaised]:
    fact = Used(grant_id=grant_id, buyer_id="pty_anna", quantity=units)
    return alerts(watch.use(DAY0 + hour * HOUR_MS + 1, fact))


def test_eight_times_the_usual_hour_is_told_of_at_once_and_once() -> None:
    watch = Watch()
    for hour in range(3):
        assert use(watch, 50, hour) == []
    assert use(watch, 399, 3) == []
    (alert,) = use(watch, 1, 3)
    assert alert.rule is AlertRule.USAGE_BURST
    assert (alert.subjects, alert.about) == (("pty_anna",), "grt_rain")
    assert (alert.measured, alert.usual, alert.score) == (400, 50, 40)
    assert alert.evidence == ("settlement-4", "settlement-5")
    assert (alert.start_ms, alert.end_ms) == (DAY0 + 3 * HOUR_MS, DAY0 + 3 * HOUR_MS + 1)
    assert use(watch, 10_000, 3) == []


def test_a_burst_needs_a_history_of_its_own_and_some_size() -> None:
    young = Watch()
    use(young, 1, 0)
    use(young, 1, 1)
    assert use(young, 10_000, 2) == [], "two hours are no history"
    small = Watch()
    for hour in range(3):
        use(small, 1, hour)
    assert use(small, 99, 3) == [], "eight times little is little"
    other = Watch()
    for hour in range(3):
        use(other, 1, hour, "grt_quiet")
        use(other, 1_000, hour, "grt_busy")
    assert use(other, 1_000, 3, "grt_busy") == [], "another grant's history is not its own"


def test_a_grant_that_grows_slowly_is_not_told_of() -> None:
    watch = Watch()
    units, said = 100, []
    for hour in range(400):
        said += use(watch, units, hour)
        units += units // 50
    assert said == []


def test_an_ended_grant_is_forgotten() -> None:
    watch = Watch()
    use(watch, 1, 0)
    watch.use(DAY0 + HOUR_MS, Ended(grant_id="grt_rain"))
    assert watch.state.use.bursts.grants == {}


def test_beyond_the_limit_the_grant_used_longest_ago_is_forgotten() -> None:
    watch = Watch()
    use(watch, 1, 0, "grt_first")
    for number in range(GRANTS_MAX):
        use(watch, 1, 1, f"grt_{number:05}")
    assert len(watch.state.use.bursts.grants) == GRANTS_MAX
    assert "grt_first" not in watch.state.use.bursts.grants
