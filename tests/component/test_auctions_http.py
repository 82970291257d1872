"""Every auction format through HTTP: opened, bid on, and shown as it may be seen."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders.exchange import Exchange
from tests.builders.places import Place

DUTCH = {"format": "dutch", "step_minor": 100, "interval_ms": 3_600_000, "floor_price_minor": 400}
UNIFORM = {"format": "uniform", "licences": 2}
SEALED = ("sealed_first_price", "sealed_second_price", "uniform")


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    for name in ("anna", "bole", "chen"):
        made.party(name, "buyer", money=10_000_000)
    yield made
    made.close()


def bid(market: Exchange, who: str, auction_id: str, *units: int) -> Any:
    body = {"currency": "CNY", "max_price_minor": units[0]}
    if units[1:]:
        body["further_minor"] = list(units[1:])
    return market.call(who, "POST", f"/v1/auctions/{auction_id}/bids", body)


def terms_of(name: str) -> dict[str, Any]:
    return dict(UNIFORM) if name == "uniform" else {"format": name}


@pytest.mark.parametrize("name", SEALED)
def test_a_sealed_bid_is_placed_and_nothing_public_moves(market: Exchange, name: str) -> None:
    reserve = {"reserve_price_minor": 4_000, "reserve_hidden": True}
    auction_id = market.auction("seller", **terms_of(name), **reserve)
    path = f"/v1/auctions/{auction_id}"
    before = market.ok("bole", "GET", path)
    placed = bid(market, "anna", auction_id, 5_000).json()
    assert (placed["status"], placed["max_price_minor"]) == ("placed", 5_000)
    after = market.ok("bole", "GET", path)
    assert (after.pop("bid_count"), before.pop("bid_count")) == (1, 0)
    assert after.pop("position") > before.pop("position")
    assert after == before
    assert (after["price_minor"], after["reserve_met"], after["sealed"]) == (1_000, None, True)
    public = market.ok("bole", "GET", f"{path}/bids")
    assert [line["price_minor"] for line in public] == [1_000]
    assert bid(market, "anna", auction_id, 2_000).json()["status"] == "placed"


def test_only_its_supplier_sees_a_hidden_reserve(market: Exchange) -> None:
    reserve = {"reserve_price_minor": 4_321, "reserve_hidden": True}
    path = f"/v1/auctions/{market.auction('seller', **reserve)}"
    assert market.ok("seller", "GET", path)["reserve_price_minor"] == 4_321
    for who in ("", "anna", "operator", "regulator"):
        assert "4321" not in market.call(who, "GET", path).text


def test_a_dutch_auction_shows_its_clock_and_ends_with_the_first_bid(market: Exchange) -> None:
    now = {"lasts_ms": 4_000_000, "starts_in_ms": -3_600_000}
    auction_id = market.auction("seller", **DUTCH, **now)
    path = f"/v1/auctions/{auction_id}"
    shown = market.ok("", "GET", path)
    assert (shown["clock_price_minor"], shown["price_minor"]) == (900, 1_000)
    assert shown["terms"]["floor_price_minor"] == 400
    assert bid(market, "anna", auction_id, 899).json()["title"] == "bid below minimum"
    won = bid(market, "bole", auction_id, 950).json()
    assert (won["status"], won["price_minor"], won["licences_won"]) == ("won", 900, 1)
    shown = market.ok("", "GET", path)
    assert (shown["status"], shown["price_minor"]) == ("sold", 900)
    assert shown["clock_price_minor"] is None
    assert shown["winner_id"] == market.ids["bole"]
    assert bid(market, "chen", auction_id, 950).json()["title"] == "auction not open"


def test_a_uniform_auction_has_several_winners_at_one_price(market: Exchange) -> None:
    auction_id = market.auction("seller", lasts_ms=3_000, **{**UNIFORM, "licences": 3})
    ids = [
        bid(market, who, auction_id, *units).json()["id"]
        for who, units in (("anna", (9_000, 8_000)), ("bole", (7_000,)), ("chen", (6_000, 6_000)))
    ]
    shown = market.once_ended(auction_id)
    assert (shown["status"], shown["price_minor"], shown["winner_id"]) == ("sold", 6_000, None)
    assert (shown["licences"], shown["licences_sold"], shown["awards"]) == (3, 3, 2)
    anna, bole, chen = (
        market.ok(who, "GET", f"/v1/bids/{id}")
        for who, id in zip(("anna", "bole", "chen"), ids, strict=True)
    )
    assert (anna["status"], anna["licences_won"], anna["further_minor"]) == ("won", 2, [8_000])
    assert (bole["status"], bole["licences_won"]) == ("won", 1)
    assert (chen["status"], chen["licences_won"]) == ("lost", 0)
    trade = market.once_settled("anna", auction_id)
    assert (trade["price_minor"], trade["quantity"]) == (12_000, 2)
    assert market.ok("anna", "GET", f"/v1/grants/{trade['grant_id']}")["licences"] == 2


def test_an_auction_is_scheduled_until_its_start(market: Exchange) -> None:
    auction_id = market.auction("seller", starts_in_ms=50_000)
    path = f"/v1/auctions/{auction_id}"
    assert market.ok("", "GET", path)["status"] == "scheduled"
    assert bid(market, "anna", auction_id, 5_000).json()["title"] == "auction not started"
    running = market.auction("seller")
    listed = {
        status: {
            row["id"] for row in market.ok("", "GET", f"/v1/auctions?status={status}")["items"]
        }
        for status in ("scheduled", "open", "sold")
    }
    assert auction_id in listed["scheduled"] - listed["open"]
    assert running in listed["open"] - listed["scheduled"]
    whole = {row["id"]: row["status"] for row in market.ok("", "GET", "/v1/auctions")["items"]}
    assert (whole[auction_id], whole[running]) == ("scheduled", "open")


def test_the_answer_to_an_opening_shows_it_as_it_will_be_read(market: Exchange) -> None:
    listing_id = market.listing("seller", {"mode": "auction", "currency": "CNY"})
    now_ms = market.ok("", "GET", "/v1/venue")["now_ms"]
    terms = {
        "currency": "CNY",
        "starts_at_ms": now_ms + 60_000,
        "ends_at_ms": now_ms + 120_000,
        "start_price_minor": 1_000,
        **DUTCH,
    }
    path = f"/v1/listings/{listing_id}/auctions"
    opened = market.ok("seller", "POST", path, {"terms": terms})
    assert opened == market.ok("", "GET", f"/v1/auctions/{opened['id']}")
    assert (opened["status"], opened["clock_price_minor"]) == ("scheduled", 1_000)


def test_the_unsold_names_the_auction_that_follows(market: Exchange) -> None:
    relist = {"times_max": 1, "after_ms": 60_000, "price_bps": 8_000}
    auction_id = market.auction("seller", lasts_ms=200, relist=relist)
    shown = market.once_ended(auction_id)
    assert (shown["status"], shown["reason"]) == ("unsold", "no_bids")
    again = market.ok("", "GET", f"/v1/auctions/{shown['relisted_as']}")
    assert (again["follows"], again["status"]) == (auction_id, "scheduled")
    assert (again["start_price_minor"], again["price_minor"]) == (800, 800)


@pytest.mark.parametrize(
    ("units", "answer"),
    [
        ((5_000, 6_000), (409, "bid does not fit the format")),
        ((5_000, 5_000, 5_000), (409, "bid does not fit the format")),
        ((5_000, 999), (409, "bid below minimum")),
        ((5_000, 0), (422, "invalid request")),
        ((5_000,) * 101, (422, "invalid request")),
    ],
)
def test_a_wrong_bid_for_several_licences_is_told_why(
    market: Exchange, units: tuple[int, ...], answer: tuple[int, str]
) -> None:
    auction_id = market.auction("seller", **UNIFORM)
    told = bid(market, "anna", auction_id, *units)
    assert (told.status_code, told.json()["title"]) == answer


@pytest.mark.parametrize(
    ("terms", "fault"),
    [
        ({"format": "candle"}, "Invalid value 'candle'"),
        ({"format": "uniform"}, "missing required field `licences`"),
        ({"format": "uniform", "licences": 10_001}, "licences"),
        ({"format": "dutch", "step_minor": 5}, "missing required field `interval_ms`"),
        ({"format": "sealed_first_price", "step_minor": 5}, "unknown field `step_minor`"),
        ({"format": "english", "relist": {"times_max": 21}}, "times_max"),
    ],
)
def test_terms_that_do_not_fit_their_format_name_the_part(
    market: Exchange, terms: dict, fault: str
) -> None:
    listing_id = market.listing("seller", {"mode": "auction", "currency": "CNY"})
    common = {"currency": "CNY", "starts_at_ms": 0, "ends_at_ms": 9, "start_price_minor": 1}
    if terms["format"] == "english":
        common["increments"] = "ebay-2003"
    body = {"terms": {**common, **terms}}
    answer = market.call("seller", "POST", f"/v1/listings/{listing_id}/auctions", body)
    assert answer.status_code == 422
    assert fault in answer.json()["detail"]
