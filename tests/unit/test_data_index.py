"""The data index, against its definition computed with fractions."""

from fractions import Fraction
from pathlib import Path

import pytest

from market.watch.facts import PRICE_SCALE, Described
from market.watch.index import BASE_E6, ITEMS_MAX, PERIOD_MS
from schemas.events import IndexLevel, IndexPointPublished
from tests.builders.watching import DAY0, DAY_MS, Watch, of_kind, sold

PERIOD = PERIOD_MS // DAY_MS


def market(**fields: str) -> Watch:
    watch = Watch()
    for data_set, field in (fields or {"rain": "meteorology", "sun": "meteorology"}).items():
        watch.deal(DAY0, Described(listing_id=f"lst_{data_set}", field=field))
    return watch


def day(watch: Watch, number: int, **prices: int) -> dict[tuple[str, str], IndexPointPublished]:
    """Sell a licence of each data set at noon of a day, and return the points of the day."""
    at_ms = DAY0 + number * DAY_MS + DAY_MS // 2
    said = []
    for data_set, price in prices.items():
        said += watch.deal(at_ms, sold(paid_minor=price, data_set=data_set))
    assert of_kind(said, IndexPointPublished) == []
    said = watch.deal(at_ms + DAY_MS // 2 + 3_600_000)
    return {(one.level.value, one.key): one for one in of_kind(said, IndexPointPublished)}


def points(e6: int) -> Fraction:
    return Fraction(e6, 1_000_000)


def test_the_first_day_with_trades_is_the_base_of_all_levels() -> None:
    found = day(market(), 0, rain=1_000, sun=3_000)
    assert {key: one.value_e6 for key, one in found.items()} == {
        ("composite", ""): BASE_E6,
        ("field", "meteorology"): BASE_E6,
        ("data_set", "dst_rain"): BASE_E6,
        ("data_set", "dst_sun"): BASE_E6,
    }
    composite = found["composite", ""]
    assert composite.base_ms == composite.linked_ms == composite.at_ms == DAY0 + DAY_MS
    assert (composite.basket, composite.priced) == (2, 2)


def test_prices_weigh_by_what_was_paid_before_the_link() -> None:
    watch = market()
    day(watch, 0, rain=1_000, sun=3_000)
    found = day(watch, 1, rain=1_500)
    assert points(found["data_set", "dst_rain"].value_e6) == 150
    expected = 100 * (1_000 * Fraction(1_500, 1_000) + 3_000 * Fraction(1)) / 4_000
    assert points(found["composite", ""].value_e6) == expected == Fraction("112.5")
    assert (found["composite", ""].basket, found["composite", ""].priced) == (2, 1)
    assert ("data_set", "dst_sun") not in found, "of what was not sold nothing new is known"


def test_a_missing_price_is_carried_forward_within_the_basket() -> None:
    watch = market()
    day(watch, 0, rain=1_000, sun=1_000)
    day(watch, PERIOD, rain=1_000, sun=1_000)
    day(watch, PERIOD + 1, rain=2_000)
    found = day(watch, PERIOD + 2, sun=3_000)
    assert points(found["composite", ""].value_e6) == 250


def test_an_item_sold_several_times_in_a_day_has_its_unit_value() -> None:
    watch = market()
    day(watch, 0, rain=1_000)
    at_ms = DAY0 + DAY_MS
    watch.deal(at_ms, sold(paid_minor=1_000))
    watch.deal(at_ms, sold(paid_minor=4_000, quantity=2))
    found = of_kind(watch.deal(at_ms + 2 * DAY_MS), IndexPointPublished)
    assert {one.value_e6 for one in found} == {round(Fraction(5_000, 3) / 1_000 * BASE_E6)}


def test_in_the_first_period_a_new_item_joins_on_the_day_it_is_first_sold() -> None:
    watch = market()
    day(watch, 0, rain=1_000)
    found = day(watch, 1, rain=2_000, sun=9_000)
    assert points(found["composite", ""].value_e6) == 200, "the old basket, up to the link"
    assert points(found["data_set", "dst_sun"].value_e6) == 100
    assert found["composite", ""].linked_ms == DAY0 + DAY_MS
    assert found["data_set", "dst_sun"].linked_ms == DAY0 + 2 * DAY_MS
    found = day(watch, 2, sun=18_000)
    change = Fraction(3_000 + 2 * 9_000, 3_000 + 9_000)
    assert points(found["composite", ""].value_e6) == 200 * change


def test_later_a_new_item_waits_for_the_next_link_and_then_counts_by_its_change_alone() -> None:
    watch = market()
    day(watch, 0, rain=1_000)
    day(watch, PERIOD, rain=1_000)
    found = day(watch, PERIOD + 1, rain=1_000, sun=9_000)
    assert points(found["composite", ""].value_e6) == 100
    assert ("data_set", "dst_sun") not in found
    found = day(watch, 2 * PERIOD, rain=1_100)
    assert points(found["composite", ""].value_e6) == 110, "the old basket, up to the link"
    assert ("data_set", "dst_sun") not in found, "not sold on that day"
    found = day(watch, 2 * PERIOD + 1, sun=18_000)
    change = Fraction(4_100 + 2 * 9_000, 4_100 + 9_000)
    assert found["composite", ""].value_e6 == round(110_000_000 * change)
    assert found["composite", ""].linked_ms == DAY0 + (2 * PERIOD + 1) * DAY_MS
    assert points(found["data_set", "dst_sun"].value_e6) == 200


def test_an_item_not_sold_for_three_periods_leaves_and_the_index_goes_on() -> None:
    watch = market()
    day(watch, 0, rain=1_000, sun=1_000)
    for link in range(1, 5):
        found = day(watch, link * PERIOD, rain=1_000 + 100 * link)
    assert found["composite", ""].basket == 2, "up to the link"
    assert set(watch.state.deals.index.items) == {"dst_rain/licence/CNY"}
    before = points(found["composite", ""].value_e6)
    after = day(watch, 5 * PERIOD - 1, rain=2_800)
    assert points(after["composite", ""].value_e6) == before * Fraction(2_800, 1_400)
    assert after["composite", ""].basket == 1


def test_fields_are_indices_of_their_own() -> None:
    watch = market(rain="meteorology", jobs="employment")
    day(watch, 0, rain=1_000, jobs=1_000)
    found = day(watch, 1, jobs=2_000)
    assert points(found["field", "employment"].value_e6) == 200
    assert ("field", "meteorology") not in found
    assert points(found["composite", ""].value_e6) == 150


def test_currencies_are_never_mixed() -> None:
    watch = market()
    at_ms = DAY0 + 1
    watch.deal(at_ms, sold(paid_minor=1_000))
    watch.deal(at_ms, sold(paid_minor=7, currency="USD", item="dst_rain/licence/USD"))
    found = of_kind(watch.deal(at_ms + 2 * DAY_MS), IndexPointPublished)
    composites = {one.currency: one for one in found if one.level is IndexLevel.COMPOSITE}
    assert set(composites) == {"CNY", "USD"}
    assert composites["USD"].basket == 1


def test_free_use_has_no_price() -> None:
    watch = market()
    watch.deal(DAY0, sold(paid_minor=0, mode="free", priced=0, quantity=0, currency=None))
    assert of_kind(watch.deal(DAY0 + 2 * DAY_MS), IndexPointPublished) == []


def test_a_price_below_the_smallest_counts_as_the_smallest() -> None:
    watch = market()
    watch.deal(DAY0, sold(priced=1, quantity=10, mode="metered"))
    assert of_kind(watch.deal(DAY0 + 2 * DAY_MS), IndexPointPublished)
    assert watch.state.deals.index.items["dst_rain/licence/CNY"].price == 1


def test_beyond_the_limit_a_new_item_is_left_out() -> None:
    watch = market()
    for number in range(ITEMS_MAX + 1):
        trade = sold(data_set="rain", item=f"dst_rain{number}/licence/CNY")
        watch.deal(DAY0, trade)
    watch.deal(DAY0 + 2 * DAY_MS)
    assert len(watch.state.deals.index.items) == ITEMS_MAX


@pytest.mark.parametrize("paid_minor", [1, 2**53 - 1])
def test_any_amount_a_trade_can_have_is_indexed(paid_minor: int) -> None:
    watch = market()
    day(watch, 0, rain=paid_minor)
    found = day(watch, 1, rain=paid_minor)
    assert points(found["composite", ""].value_e6) == 100
    item = watch.state.deals.index.items["dst_rain/licence/CNY"]
    assert item.price == paid_minor * PRICE_SCALE


def test_the_worked_example_of_the_definition_is_right() -> None:
    """The table's numbers stand in docs/data-index.md; here they are computed both ways."""
    watch = market()
    day(watch, 0, rain=1_000, sun=3_000)
    first = day(watch, 1, rain=1_500)
    second = day(watch, 2, sun=2_400)
    by_hand = {
        "150": 100 * Fraction(1_500, 1_000),
        "112.5": 100 * (1_000 * Fraction(1_500, 1_000) + 3_000) / 4_000,
        "80": 100 * Fraction(2_400, 3_000),
    }
    by_hand["100.227273"] = by_hand["112.5"] * (2_500 + 3_000 * Fraction(2_400, 3_000)) / 5_500
    computed = [
        first["data_set", "dst_rain"],
        first["composite", ""],
        second["data_set", "dst_sun"],
        second["composite", ""],
    ]
    text = (Path(__file__).parents[2] / "docs" / "data-index.md").read_text(encoding="utf-8")
    for (shown, exact), point in zip(by_hand.items(), computed, strict=True):
        assert point.value_e6 == round(exact * 1_000_000)
        assert points(point.value_e6) == Fraction(shown)
        assert f"| {shown} |" in text
