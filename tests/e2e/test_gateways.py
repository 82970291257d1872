"""Calls sent again while the first is under way, through the same gateway or another: no answer
shows what is not so yet, nothing is delivered before it is paid for, one key has one wish. And one
gateway goes on with what another did.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.builders.cluster import AUDIT, GATEWAY, Venue
from tests.builders.exchange import CSV, METERED, THERE_SECONDS_MAX, Remote
from tests.builders.places import KAFKA, only
from tests.builders.receiver import Receiver

pytestmark = only(KAFKA)
BRIEFLY = {"Prefer": "wait=1"}
LONG = {"Prefer": "wait=25"}
SETTLEMENT = "settlement"


@pytest.fixture(scope="module")
def market(place: Venue) -> Iterator[Remote]:
    made = place.market(private_webhooks=True)
    made.party("seller", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def other(market: Remote, place: Venue) -> Iterator[Remote]:
    """The same market through a second gateway."""
    gateway = place.service(GATEWAY, "--port", "0", "--allow-private-webhooks")
    twin = market.through(gateway.ready())
    yield twin
    twin.http.close()
    assert gateway.child.stop() == 0


@contextmanager
def down(market: Remote, *names: str) -> Iterator[None]:
    with ExitStack() as ended:
        for name in names:
            ended.enter_context(market.server.by_name[name].down())
        yield


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def balance(market: Remote, who: str) -> int:
    rows = market.ok(who, "GET", f"/v1/parties/{market.ids[who]}/balances")
    return sum(row["balance_minor"] for row in rows if row["kind"] == "available")


def test_a_retry_shows_no_row_as_it_stood_before(market: Remote) -> None:
    path = f"/v1/parties/{market.party('late', 'buyer')}/suspension"
    wish = {"reason": "papers are missing"}
    with down(market, SETTLEMENT):
        first = market.call("operator", "POST", path, wish, key="late", headers=BRIEFLY)
        market.once_there("operator", first.headers["location"])
        again = market.call("operator", "POST", path, wish, key="late", headers=BRIEFLY)
        assert [first.status_code, again.status_code] == [202, 202]
    settled = market.call("operator", "POST", path, wish, key="late", headers=LONG)
    assert (settled.status_code, settled.json()["status"]) == (200, "suspended")


def test_nothing_is_delivered_before_it_is_charged(market: Remote) -> None:
    listing_id = market.listing("seller", METERED)
    budget = {"currency": "CNY", "budget_minor": 100}
    path = f"/v1/listings/{listing_id}/subscriptions"
    grant = f"/v1/grants/{market.ok('anna', 'POST', path, budget)['grant_id']}"
    page = {"offset": 0, "limit": 2}
    with down(market, SETTLEMENT):
        for _ in range(2):
            answer = market.call("anna", "POST", f"{grant}/deliveries", page, key="page")
            assert code(answer) == (503, "under_way")
    answer = market.call("anna", "POST", f"{grant}/deliveries", page, key="page", headers=LONG)
    assert answer.content == b"".join(CSV.splitlines(keepends=True)[:3])
    shown = market.ok("anna", "GET", grant)
    assert (shown["used"], shown["charged_minor"]) == (2, 20)


def test_one_key_has_one_wish_whichever_gateway_it_comes_through(
    market: Remote, other: Remote
) -> None:
    path = f"/v1/parties/{market.ids['anna']}/deposits"
    before = balance(market, "anna")
    five, six = (
        {"currency": "CNY", "amount_minor": amount, "reference": "bank"} for amount in (5, 6)
    )
    with ThreadPoolExecutor() as pool, down(market, AUDIT, SETTLEMENT):
        first = market.call("operator", "POST", path, five, key="both", headers=BRIEFLY)
        assert first.status_code == 202
        waiting = pool.submit(other.call, "operator", "POST", path, six, key="both", headers=LONG)
        for name in (AUDIT, SETTLEMENT):
            market.server.by_name[name].start()
        assert waiting.result().status_code in (422, 202)  # and not a result that is not its own
    assert code(other.call("operator", "POST", path, six, key="both")) == (
        422,
        "idempotency_key_reused",
    )
    assert other.call("operator", "POST", path, five, key="both", headers=LONG).status_code == 200
    assert balance(market, "anna") == before + 5


def test_a_retry_through_another_gateway_has_the_same_answer_and_no_effect(
    market: Remote, other: Remote
) -> None:
    path = f"/v1/parties/{market.ids['anna']}/deposits"
    money = {"currency": "CNY", "amount_minor": 7, "reference": "bank"}
    first = market.ok("operator", "POST", path, money, key="either", headers=LONG)
    size = market.size
    assert other.ok("operator", "POST", path, money, key="either", headers=LONG) == first
    assert market.size == size


def test_what_is_done_through_one_gateway_is_heard_through_another(
    market: Remote, other: Remote
) -> None:
    with other.http.stream("GET", "/v1/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(": from ")
        auction_id = market.auction("seller")
        while True:
            line = next(lines)
            if line.startswith("data: ") and json.loads(line[6:]).get("id") == auction_id:
                break


def test_another_gateway_goes_on_when_one_is_killed(market: Remote, other: Remote) -> None:
    """The first projects and sends the webhooks."""
    receiver = Receiver()
    hook = {"target_url": receiver.url, "kinds": ["bid.outbid"]}
    path = f"/v1/webhooks/{market.ok('anna', 'POST', '/v1/webhooks', hook)['id']}"
    first = market.ok("anna", "POST", f"{path}/pings")["message_id"]
    assert receiver.came.wait(THERE_SECONDS_MAX)
    market.server.by_name[GATEWAY].kill()
    second = other.ok("anna", "POST", f"{path}/pings")["message_id"]
    deposits = f"/v1/parties/{market.ids['anna']}/deposits"
    money = {"currency": "CNY", "amount_minor": 3, "reference": "bank"}
    assert other.call("operator", "POST", deposits, money, headers=LONG).status_code == 200
    end = time.monotonic() + THERE_SECONDS_MAX
    while receiver.received[-1].id != second:
        assert time.monotonic() < end, "nobody sends the webhooks any more"
        time.sleep(0.05)
    came = [message.id for message in receiver.received]
    assert list(dict.fromkeys(came)) == [first, second]  # each at least once
    receiver.close()
    market.server.by_name[GATEWAY].start()
    market.server.by_name[GATEWAY].ready()
