"""The catalogue through HTTP: revisions and what a grant sees of them, amendments, drafts."""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders.exchange import ANY_USE, CSV, ENTRY, FREE, METERED, Exchange
from tests.builders.places import Place

NEWER = b"day,mm\n2024-01-04,9\n"


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    made.party("other", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    yield made
    made.close()


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def revise(market: Exchange, data_set_id: str, content: bytes = NEWER, who: str = "seller") -> Any:
    headers = {"Content-Type": "text/csv"}
    path = f"/v1/data-sets/{data_set_id}/revisions"
    return market.call(who, "POST", path, content=content, headers=headers)


def upload(market: Exchange, content: bytes, query: str = "", media_type: str = "text/csv") -> Any:
    headers = {"Content-Type": media_type}
    path = f"/v1/data-sets?title=Rain{query}"
    return market.call("seller", "POST", path, content=content, headers=headers)


def body(data_set_id: str | None, **changes: Any) -> dict[str, Any]:
    named = {} if data_set_id is None else {"data_set_id": data_set_id}
    return {"entry": ENTRY, "offer": FREE, "grant_terms": ANY_USE, **named, **changes}


def access(market: Exchange, listing_id: str) -> str:
    path = f"/v1/listings/{listing_id}/access-requests"
    grant_id: str = market.ok("anna", "POST", path, {})["grant_id"]
    return grant_id


def delivered(market: Exchange, grant_id: str) -> bytes:
    content: bytes = market.call("anna", "POST", f"/v1/grants/{grant_id}/deliveries", {}).content
    return content


@pytest.mark.parametrize(("follows", "sees"), [(False, CSV), (True, NEWER)])
def test_a_grant_delivers_what_its_terms_say_after_a_revision(
    market: Exchange, follows: bool, sees: bytes
) -> None:
    listing_id = market.listing("seller", FREE, {**ANY_USE, "follows_revisions": follows})
    grant_id = access(market, listing_id)
    data_set_id = market.ok("", "GET", f"/v1/listings/{listing_id}")["data_set_id"]
    assert revise(market, data_set_id).json()["revision"] == 2
    assert delivered(market, grant_id) == sees
    assert delivered(market, access(market, listing_id)) == NEWER


def test_revisions_are_listed_in_order(market: Exchange) -> None:
    data_set_id = market.data_set("seller").json()["id"]
    revise(market, data_set_id)
    revise(market, data_set_id, CSV)
    items = market.ok("", "GET", f"/v1/data-sets/{data_set_id}/revisions")["items"]
    assert [(row["revision"], row["content"]["row_count"]) for row in items] == [
        (1, 3),
        (2, 1),
        (3, 3),
    ]


def test_a_revision_is_refused_to_others_and_when_nothing_changed(market: Exchange) -> None:
    data_set_id = market.data_set("seller").json()["id"]
    assert problem(revise(market, data_set_id, who="other")) == (403, "not_owner")
    assert problem(revise(market, data_set_id, CSV)) == (409, "content_unchanged")
    assert problem(revise(market, "dst_nowhere")) == (404, "not_found")
    assert problem(revise(market, data_set_id, b"a,a\n")) == (422, "content_invalid")


def test_an_amended_listing_needs_review_again_and_old_grants_stay(market: Exchange) -> None:
    listing_id = market.listing("seller", FREE)
    grant_id = access(market, listing_id)
    path = f"/v1/listings/{listing_id}"
    amended = market.ok("seller", "POST", f"{path}/amendment", body(None, offer=METERED))
    assert (amended["status"], amended["mode"]) == ("draft", "metered")
    assert problem(market.call("", "GET", path)) == (401, "token_missing")
    assert delivered(market, grant_id) == CSV
    waiting = "/v1/listings?status=under_review"
    assert market.ok("operator", "GET", waiting)["items"] == []
    market.ok("seller", "POST", f"{path}/submission")
    assert [row["id"] for row in market.ok("operator", "GET", waiting)["items"]] == [listing_id]
    market.ok("operator", "POST", f"{path}/review", {"approved": True, "reason": "complete"})
    assert market.ok("", "GET", path)["offer"] == METERED


def test_a_draft_without_a_data_set_gets_one_by_amendment(market: Exchange) -> None:
    draft = market.ok("seller", "POST", "/v1/listings", body(None))
    path = f"/v1/listings/{draft['id']}"
    assert draft["data_set_id"] is None
    refused = market.call("seller", "POST", f"{path}/submission")
    assert problem(refused) == (409, "data_set_missing")
    data_set_id = market.data_set("seller").json()["id"]
    amended = market.ok("seller", "POST", f"{path}/amendment", body(data_set_id))
    assert amended["data_set_id"] == data_set_id
    assert market.ok("seller", "POST", f"{path}/submission")["status"] == "under_review"


def test_an_amendment_by_another_or_unsound_is_refused(market: Exchange) -> None:
    path = f"/v1/listings/{market.listing('seller', FREE)}/amendment"
    assert problem(market.call("other", "POST", path, body(None))) == (403, "not_owner")
    tariff = {**METERED["tariff"], "tiers": [{"up_to": 5, "unit_price_minor": "1"}]}
    unsound = body(None, offer={"mode": "metered", "tariff": tariff})
    assert problem(market.call("seller", "POST", path, unsound)) == (422, "tariff_invalid")


@pytest.mark.parametrize("rows", [0, 2])
def test_the_supplier_says_how_many_rows_are_public(market: Exchange, rows: int) -> None:
    data_set_id = upload(market, CSV, f"&sample_rows={rows}").json()["id"]
    shown = market.call("", "GET", f"/v1/data-sets/{data_set_id}/sample")
    assert shown.headers["content-type"] == "text/csv; charset=utf-8"
    assert shown.content.splitlines() == CSV.splitlines()[: rows + 1]


def test_more_than_five_public_rows_are_refused(market: Exchange) -> None:
    assert problem(upload(market, CSV, "&sample_rows=6")) == (422, "invalid_request")


def test_parquet_is_sold_by_rows_and_delivered_as_it_is(market: Exchange) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"day": ["d1", "d2", "d3"], "mm": [1.5, 0.25, 7.0]}), file)
    media_type = "application/vnd.apache.parquet"
    data_set = upload(market, file.getvalue(), media_type=media_type).json()
    listing_id = market.ok("seller", "POST", "/v1/listings", body(data_set["id"]))["id"]
    market.ok("seller", "POST", f"/v1/listings/{listing_id}/submission")
    review = {"approved": True, "reason": "complete"}
    market.ok("operator", "POST", f"/v1/listings/{listing_id}/review", review)
    path = f"/v1/grants/{access(market, listing_id)}/deliveries"
    rows = market.call("anna", "POST", path, {"offset": 1, "limit": 2})
    assert rows.content == b"day,mm\nd2,0.25\nd3,7\n"
    whole = market.call("anna", "POST", path, {})
    assert whole.content == file.getvalue()
    assert whole.headers["content-type"] == media_type


def test_what_is_no_parquet_is_told_so(market: Exchange) -> None:
    answer = upload(market, CSV, media_type="application/vnd.apache.parquet")
    assert problem(answer) == (422, "content_invalid")
    assert "not to be read as Parquet" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        ({"provider_code": "914403001922038210"}, "provider_code: the check sign is 0"),
        ({"resource_code": "33"}, "resource_code: a resource code has 27 characters"),
        (
            {
                "provider_code": "914403001922038216",
                "resource_code": "330045450000MB1519000000001",
            },
            "resource_code: it names organisation MB1519000",
        ),
    ],
)
def test_wrong_codes_are_named_at_the_edge(market: Exchange, codes: Any, fault: str) -> None:
    answer = market.call("seller", "POST", "/v1/listings", body(None, entry={**ENTRY, **codes}))
    assert problem(answer) == (422, "code_invalid")
    assert fault in answer.json()["detail"]


def test_right_codes_are_taken(market: Exchange) -> None:
    codes = {
        "provider_code": "11450000MB1519000C",
        "resource_code": "330045450000MB1519000000001",
    }
    draft = market.ok("seller", "POST", "/v1/listings", body(None, entry={**ENTRY, **codes}))
    assert draft["entry"]["resource_code"] == codes["resource_code"]


def test_a_party_with_a_wrong_credit_code_is_refused(market: Exchange) -> None:
    party = {"name": "x", "kind": "enterprise", "roles": ["buyer"], "credit_code": "123"}
    answer = market.call("operator", "POST", "/v1/parties", party)
    assert problem(answer) == (422, "code_invalid")
    assert "has 18 characters, not 3" in answer.json()["detail"]
    right = {**party, "credit_code": "914403001922038216"}
    assert market.ok("operator", "POST", "/v1/parties", right)["credit_code"]
