"""What the interface says beyond single rows: counts, quotes, who was paid, the trail searched."""

from collections import Counter
from collections.abc import Collection, Iterator

import pytest

from services.gateway import trail_search
from streams.log import Stored
from streams.memory import MemoryLog
from tests.builders.exchange import FREE, METERED, Exchange


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    made = Exchange(tmp_path_factory.mktemp("questions"))
    made.party("seller", "supplier")
    made.party("anna", "buyer", money=1_000_00)
    made.party("bole", "buyer", money=1_000_00)
    yield made
    made.close()


@pytest.fixture(scope="module")
def metered(market: Exchange) -> str:
    return market.listing("seller", METERED)


@pytest.fixture(scope="module")
def subscribed(market: Exchange, metered: str) -> str:
    """A grant of the metered listing."""
    budget = {"currency": "CNY", "budget_minor": 10_00}
    granted = market.ok("anna", "POST", f"/v1/listings/{metered}/subscriptions", budget)
    return str(granted["grant_id"])


def test_the_venue_says_its_fees(market: Exchange) -> None:
    venue = market.ok("", "GET", "/v1/venue")
    assert (venue["buyer_fee_bps"], venue["seller_fee_bps"]) == (100, 200)


def counts(market: Exchange) -> Counter[tuple[str, str]]:
    rows = market.ok("", "GET", "/v1/listing-counts")
    return Counter({(row["mode"], row["field"]): row["count"] for row in rows})


def test_counts_are_of_what_is_listed(market: Exchange, metered: str) -> None:
    withdrawn = market.listing("seller", FREE)
    before = counts(market)
    market.ok("seller", "POST", f"/v1/listings/{withdrawn}/withdrawal", {"reason": "old"})
    assert before["metered", "meteorology"] == 1
    assert before - counts(market) == Counter({("free", "meteorology"): 1})


def test_a_quote_is_what_the_use_then_costs(
    market: Exchange, metered: str, subscribed: str
) -> None:
    path = f"/v1/listings/{metered}"
    quoted = market.ok("", "GET", f"{path}/quote?quantity=25")
    assert quoted == {
        "quantity": 25,
        "unit": "row",
        "currency": "CNY",
        "charge_minor": 250,
        "fee_minor": 2,  # 1 % of 250, half to even
        "total_minor": 252,
    }
    used = market.ok("anna", "POST", f"/v1/grants/{subscribed}/usage", {"quantity": 25})
    assert (used["charge_minor"], used["fee_minor"]) == (250, 2)
    free = market.call("", "GET", f"/v1/listings/{market.listing('seller', FREE)}/quote?quantity=1")
    assert (free.status_code, free.json()["type"]) == (422, "/problems/offer_wrong_mode")


def test_the_parties_of_a_trade_see_who_was_paid(market: Exchange) -> None:
    auction_id = market.auction("seller", lasts_ms=1_500)
    bid = {"currency": "CNY", "max_price_minor": 20_00}
    market.ok("anna", "POST", f"/v1/auctions/{auction_id}/bids", bid)
    market.once_ended(auction_id)
    trade = market.once_settled("anna", auction_id)
    path = f"/v1/trades/{trade['id']}/transfers"
    (paid,) = market.ok("anna", "GET", path)
    assert paid["kind"] == "purchase"
    assert {leg["account"]: leg["amount_minor"] for leg in paid["legs"]} == {
        f"{market.ids['anna']}/CNY/held": -10_10,  # the start price and 1 % on top
        f"{market.ids['seller']}/CNY/held": 9_80,  # less 2 %
        "venue/CNY/fees": 30,
    }
    assert market.ok("seller", "GET", path) == market.ok("operator", "GET", path) == [paid]
    assert market.call("bole", "GET", path).status_code == 403
    market.published()
    shown = market.ok("operator", "GET", f"/v1/audit/entries/{paid['position']}")
    assert shown["record"]["data"]["type"] == "TransferPosted"


@pytest.mark.usefixtures("subscribed")
def test_trades_and_grants_are_found_by_their_listing(market: Exchange, metered: str) -> None:
    for what in ("trades", "grants"):
        everything = market.ok("operator", "GET", f"/v1/{what}")["items"]
        found = market.ok("operator", "GET", f"/v1/{what}?listing_id={metered}")["items"]
        assert found == [row for row in everything if row["listing_id"] == metered]
        assert found


@pytest.mark.usefixtures("subscribed")
def test_the_trail_is_searched_newest_first_by_id_and_type(market: Exchange, metered: str) -> None:
    market.published()
    path = f"/v1/audit/entries?about={metered}"
    found = market.ok("regulator", "GET", f"{path}&limit=100")
    positions = [entry["position"] for entry in found["items"]]
    assert positions == sorted(positions, reverse=True)
    assert {"ListingDrafted", "ListingReviewed", "TradeExecuted"} <= {
        entry["type"] for entry in found["items"]
    }
    (reviewed,) = market.ok("regulator", "GET", f"{path}&kind=ListingReviewed")["items"]
    assert reviewed["position"] in positions
    first = market.ok("regulator", "GET", f"{path}&limit=2")
    rest = market.ok("regulator", "GET", f"{path}&limit=100&before={first['next_before']}")
    assert first["items"] + rest["items"] == found["items"]
    assert market.call("anna", "GET", path).status_code == 403


def test_an_event_is_found_by_its_own_id_with_what_it_caused(
    market: Exchange, metered: str
) -> None:
    market.published()
    path = "/v1/audit/entries?limit=100&about="
    position = market.ok("regulator", "GET", f"{path}{metered}&kind=ListingReviewed")["items"][0]
    record = market.ok("regulator", "GET", f"/v1/audit/entries/{position['position']}")
    event_id = f"matching-{record['record']['sequence']}"
    found = market.ok("regulator", "GET", f"{path}{event_id}")["items"]
    assert found[-1]["type"] == "ListingReviewed"
    for caused in found[:-1]:
        shown = market.ok("regulator", "GET", f"/v1/audit/entries/{caused['position']}")
        assert shown["record"]["causationid"] == event_id


def test_a_sealed_bid_is_not_found_while_its_auction_runs(market: Exchange) -> None:
    auction_id = market.auction("seller", lasts_ms=60_000, format="sealed_first_price")
    bid = {"currency": "CNY", "max_price_minor": 77_00}
    placed = market.ok("bole", "POST", f"/v1/auctions/{auction_id}/bids", bid)
    size = market.published()
    searched = f"/v1/audit/entries?about={placed['id']}&limit=1"
    assert market.ok("regulator", "GET", searched) == {
        "items": [],
        "scanned": size,
        "next_before": None,
    }
    market.ok("operator", "POST", f"/v1/auctions/{auction_id}/cancellation", {"reason": "fault"})
    market.published()
    assert market.ok("regulator", "GET", searched)["items"]


class LongLog(MemoryLog):
    def read(
        self, start: int, limit: int = 10_000, topics: Collection[str] | None = None
    ) -> list[Stored]:
        return [Stored(position, b"{}") for position in range(start, start + limit)]


def test_one_search_looks_at_no_more_than_its_bound() -> None:
    looked = [at.position for _, block in trail_search.blocks(LongLog(), 25_500) for at in block]
    assert looked == list(range(15_500, 25_500))[::-1]
