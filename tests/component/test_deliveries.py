"""Delivery again, free: of whole files in ranges, of rows, and what ends it."""

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import pytest

from services.gateway.problems import Problem
from services.gateway.routes.deliveries import part_asked_for
from tests.builders.exchange import ANY_USE, CSV, ENTRY, FREE, METERED, Exchange
from tests.builders.places import Place

NEWER = b"day,mm\n2024-01-04,9\n"
LARGE = b"number,text\n" + b"".join(b"%d,%s\n" % (n, b"x" * 200) for n in range(15_000))


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    made.party("bole", "buyer", money=1_000_000)
    yield made
    made.close()


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def listed(market: Exchange, content: bytes, offer: Any = FREE, **terms: Any) -> str:
    data_set_id = market.data_set("seller", content).json()["id"]
    body = {"entry": ENTRY, "offer": offer, "grant_terms": {**ANY_USE, **terms}}
    body["data_set_id"] = data_set_id
    listing_id: str = market.ok("seller", "POST", "/v1/listings", body)["id"]
    market.ok("seller", "POST", f"/v1/listings/{listing_id}/submission")
    review = {"approved": True, "reason": "complete"}
    market.ok("operator", "POST", f"/v1/listings/{listing_id}/review", review)
    return listing_id


def granted(market: Exchange, listing_id: str) -> str:
    path = f"/v1/listings/{listing_id}/access-requests"
    return f"/v1/grants/{market.ok('anna', 'POST', path, {})['grant_id']}"


def delivered(market: Exchange, grant: str, **body: Any) -> Any:
    answer = market.call("anna", "POST", f"{grant}/deliveries", body)
    assert answer.is_success, answer.text
    assert answer.headers["content-location"] == f"{grant}/deliveries/{answer.headers['usage-id']}"
    return answer


def again(market: Exchange, place: str, who: str = "anna", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return market.call(who, "GET", place, headers=named)


def test_a_whole_file_is_delivered_again_free(market: Exchange) -> None:
    listing_id = listed(market, CSV, METERED)
    budget = {"currency": "CNY", "budget_minor": 1_000}
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/subscriptions", budget)
    grant = f"/v1/grants/{trade['grant_id']}"
    first = delivered(market, grant)
    for _ in range(3):
        answer = again(market, first.headers["content-location"])
        assert (answer.status_code, answer.content) == (200, CSV)
    assert market.ok("anna", "GET", grant)["charged_minor"] == 30
    (usage,) = market.ok("anna", "GET", f"{grant}/usage")["items"]
    digest = hashlib.sha256(CSV).hexdigest()
    assert usage["delivery"] == {"revision": 1, "content_sha256": digest}
    assert answer.headers["etag"] == first.headers["etag"] == f'"{digest}"'


def test_a_file_of_some_megabytes_comes_together_from_ranges(market: Exchange) -> None:
    place = delivered(market, granted(market, listed(market, LARGE))).headers["content-location"]
    rng, got, size = random.Random(3), bytearray(), len(LARGE)
    assert size > 3_000_000
    while len(got) < size:
        end = min(len(got) + rng.randint(1, 700_000), size) - 1
        answer = again(market, place, range=f"bytes={len(got)}-{end}")
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {len(got)}-{end}/{size}"
        assert int(answer.headers["content-length"]) == len(answer.content)
        got += answer.content
    assert hashlib.sha256(got).digest() == hashlib.sha256(LARGE).digest()


def test_a_download_is_resumed_only_into_the_same_file(market: Exchange) -> None:
    place = delivered(market, granted(market, listed(market, CSV))).headers["content-location"]
    etag = again(market, place).headers["etag"]
    resumed = again(market, place, range="bytes=10-", if_range=etag)
    assert (resumed.status_code, resumed.content) == (206, CSV[10:])
    other = again(market, place, range="bytes=10-", if_range='"another"')
    assert (other.status_code, other.content) == (200, CSV)
    beyond = again(market, place, range=f"bytes={len(CSV)}-")
    assert problem(beyond) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(CSV)}"


@pytest.mark.parametrize(
    ("stated", "part"),
    [
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=99-", (99, 100)),
        ("bytes=10-999", (10, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("bytes=a-b", None),
        ("rows=0-1", None),
    ],
)
def test_ranges_are_read_as_the_standard_says(stated: str, part: tuple[int, int] | None) -> None:
    assert part_asked_for(stated, 100) == part


@pytest.mark.parametrize("stated", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(stated: str) -> None:
    with pytest.raises(Problem, match="100 bytes"):
        part_asked_for(stated, 100)


def test_rows_are_delivered_again_as_they_were(market: Exchange) -> None:
    first = delivered(market, granted(market, listed(market, CSV)), offset=1, limit=1)
    answer = again(market, first.headers["content-location"])
    assert answer.content == first.content == b"day,mm\n2024-01-02,0\n"


def test_a_use_delivers_the_revision_it_paid_for_for_ever(market: Exchange) -> None:
    listing_id = listed(market, CSV, follows_revisions=True)
    grant = granted(market, listing_id)
    first = market.call("anna", "POST", f"{grant}/deliveries", {}, key="before")
    data_set_id = market.ok("anna", "GET", grant)["data_set_id"]
    path = f"/v1/data-sets/{data_set_id}/revisions"
    market.call("seller", "POST", path, content=NEWER, headers={"Content-Type": "text/csv"})
    assert market.call("anna", "POST", f"{grant}/deliveries", {}, key="before").content == CSV
    assert again(market, first.headers["content-location"]).content == CSV
    assert delivered(market, grant).content == NEWER


def test_a_plain_use_delivered_nothing(market: Exchange) -> None:
    grant = granted(market, listed(market, CSV))
    usage_id = market.ok("anna", "POST", f"{grant}/usage", {"quantity": 1})["id"]
    assert problem(again(market, f"{grant}/deliveries/{usage_id}")) == (404, "not_found")
    other = granted(market, listed(market, CSV))
    place = delivered(market, grant).headers["content-location"]
    elsewhere = place.replace(grant, other)
    assert problem(again(market, elsewhere)) == (404, "not_found")
    assert problem(again(market, place, "bole")) == (403, "not_owner")


def test_a_suspended_or_revoked_grant_delivers_nothing_again(market: Exchange) -> None:
    grant = granted(market, listed(market, CSV))
    place = market.call("anna", "POST", f"{grant}/deliveries", {}, key="mine").headers[
        "content-location"
    ]

    def refused() -> list[tuple[int, str]]:
        return [
            problem(again(market, place)),
            problem(market.call("anna", "POST", f"{grant}/deliveries", {}, key="mine")),
        ]

    market.ok("operator", "POST", f"{grant}/suspension", {"reason": "complaint"})
    assert refused() == [(409, "grant_suspended")] * 2
    market.ok("operator", "POST", f"{grant}/resumption")
    assert again(market, place).content == CSV
    market.ok("operator", "POST", f"{grant}/revocation", {"reason": "breach"})
    assert refused() == [(409, "grant_revoked")] * 2


def test_an_expired_grant_delivers_nothing_again(market: Exchange) -> None:
    grant = granted(market, listed(market, CSV, lasts_ms=3_000))
    place = delivered(market, grant).headers["content-location"]
    while (answer := again(market, place)).status_code == 200:
        pass
    assert problem(answer) == (409, "grant_expired")


def test_a_used_up_count_or_budget_still_delivers_what_was_paid_for(market: Exchange) -> None:
    once = {"left_operand": "count", "operator": "lteq", "right_operand": 1}
    policy = {"permissions": [{"action": "use", "constraints": [once]}]}
    grant = granted(market, listed(market, CSV, policy=policy))
    place = delivered(market, grant).headers["content-location"]
    assert market.ok("anna", "GET", grant)["status"] == "exhausted"
    assert again(market, place).content == CSV
    listing_id = listed(market, CSV, METERED)
    budget = {"currency": "CNY", "budget_minor": 35}
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/subscriptions", budget)
    grant = f"/v1/grants/{trade['grant_id']}"
    place = delivered(market, grant).headers["content-location"]
    assert problem(market.call("anna", "POST", f"{grant}/deliveries", {})) == (
        402,
        "prepaid_exhausted",
    )
    assert market.ok("anna", "GET", grant)["status"] == "suspended"
    assert again(market, place).content == CSV


def test_a_suspended_party_is_delivered_nothing_again(market: Exchange) -> None:
    place = delivered(market, granted(market, listed(market, CSV))).headers["content-location"]
    path = f"/v1/parties/{market.ids['anna']}"
    market.ok("operator", "POST", f"{path}/suspension", {"reason": "inquiry"})
    assert problem(again(market, place)) == (403, "party_suspended")
    market.ok("operator", "POST", f"{path}/resumption")
    assert again(market, place).content == CSV
