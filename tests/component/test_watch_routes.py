"""The data index, statistics and alerts at the interface: who sees what, filtered and paged."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.gateway.projections import APPLY
from services.gateway.rows import Rows
from services.gateway.watch_tables import AlertRow
from streams.embedded import EmbeddedLog
from streams.memory import MemoryLog
from tests.builders.days import run
from tests.builders.exchange import Exchange
from tests.builders.watching import DAY0, HOUR_MS, Watch
from tests.unit.test_surveillance import alerts, refuse

PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A market that goes on from a log of ten days, once its watch has spoken."""
    folder = tmp_path_factory.mktemp("days") / "gx"
    memory = MemoryLog()
    run(memory)
    log = EmbeddedLog(folder)
    log.append(memory._entries, memory.heads())
    log.close()
    exchange = Exchange(folder)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not exchange.ok("operator", "GET", "/v1/alerts")["items"]:
        assert time.monotonic() < deadline, "the watch has said nothing"
        time.sleep(0.05)
    yield exchange
    exchange.close()


def test_everyone_reads_the_index_by_level_field_and_currency(market: Exchange) -> None:
    found = market.ok("", "GET", "/v1/index?level=field&key=employment&currency=CNY")["items"]
    assert [point["value_e6"] for point in found][:2] == [100_000_000, 104_918_033]
    assert {(point["level"], point["key"]) for point in found} == {("field", "employment")}
    assert found[0]["base_ms"] == found[0]["end_ms"]
    assert market.ok("", "GET", "/v1/index?currency=USD")["items"] == []
    assert market.call("", "GET", "/v1/index?level=county").status_code == 422
    assert market.call("", "GET", "/v1/index?currency=cny").status_code == 422


def test_the_index_is_paged_without_gaps_and_without_repetition(market: Exchange) -> None:
    whole = market.ok("", "GET", "/v1/index?limit=1000")["items"]
    assert len(whole) > 40
    paged, after = [], -1
    while after is not None:
        page = market.ok("", "GET", f"/v1/index?limit=7&after={after}")
        paged += page["items"]
        after = page["next_after"]
    assert paged == whole


def test_everyone_reads_the_statistics(market: Exchange) -> None:
    deals = market.ok("", "GET", "/v1/statistics/deals")["items"]
    assert len(deals) >= 20
    assert deals[0]["metered"] == 4
    assert deals[0]["volume"] == [{"currency": "CNY", "amount_minor": 1_200_000}]
    use = market.ok("", "GET", "/v1/statistics/use")["items"]
    assert [one["withheld"] for one in use[:2]] == [False, False]
    assert use[0]["uses"] == 4


def test_operator_and_regulator_alone_read_alerts(market: Exchange) -> None:
    market.party("trader", "buyer")
    found = market.ok("regulator", "GET", "/v1/alerts")["items"]
    assert found == market.ok("operator", "GET", "/v1/alerts")["items"]
    assert {alert["rule"] for alert in found} == {
        "same_supplier_no_wins",
        "common_control",
        "usage_burst",
        "price_jump",
        "repeated_refusals",
    }
    assert market.call("trader", "GET", "/v1/alerts").status_code == 403
    assert market.call("", "GET", "/v1/alerts").status_code == 401


def test_alerts_are_asked_for_by_rule_and_by_score(market: Exchange) -> None:
    (burst,) = market.ok("regulator", "GET", "/v1/alerts?rule=usage_burst")["items"]
    assert (burst["subjects"], burst["score"]) == (["pty_bole"], 100)
    assert burst["evidence"][0].startswith("settlement-")
    high = market.ok("regulator", "GET", "/v1/alerts?score_min=63")["items"]
    assert {alert["score"] for alert in high} == {100}
    assert market.call("regulator", "GET", "/v1/alerts?score_min=101").status_code == 422


def test_a_word_written_twice_is_shown_once_where_it_stood_first() -> None:
    watch = Watch()
    refuse(watch, 20, DAY0)
    (alert,) = alerts(watch.deal(DAY0 + 2 * HOUR_MS))
    rows = Known()
    for position in (7, 9):
        APPLY[type(alert)](rows, alert, position)
    assert rows.kept == {(AlertRow, alert.id): 7}


class Known(Rows):
    """Rows without a database."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple, int] = {}

    def put(self, table: type, **values: object) -> None:
        self.kept[table, values["id"]] = values["position"]  # type: ignore[assignment]
        super().put(table, **values)

    def find(self, table: type, *key: object) -> dict | None:
        return self._known.get(table, {}).get(key)


def test_nothing_that_is_sealed_is_kept_in_the_watch(tmp_path: Path) -> None:
    """Neither maximum, reserve nor nonce stands in its state while an auction runs."""
    from market.watch.facts import see
    from schemas.envelope import encode
    from tests.builders.market import AT_AUCTION, NONCE, Market

    market = Market()
    seller, buyer = market.supplier(), market.buyer("anna", money=10**9)
    auction_id = market.auction(
        seller,
        market.listing(seller, AT_AUCTION),
        reserve_price_minor=7_654_321,
        reserve_hidden=True,
    )
    market.bid(auction_id, buyer, 7_123_456)
    watch = Watch()
    for message, _ in market.log:
        name = type(message).__name__
        if name in ("AuctionOpened", "BidPlaced"):
            watch.deal(message.at_ms, see("matching", 1, "cmd_1", encode(message)).fact)
    state = encode(watch.state)
    assert auction_id.encode() in state
    assert buyer.encode() in state
    for secret in (b"7654321", b"7123456", NONCE.encode()):
        assert secret not in state
