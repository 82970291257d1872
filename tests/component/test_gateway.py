"""The market through HTTP: whole deals, and a clear answer to everything that is wrong."""

import json
import re
from collections.abc import Iterator

import jwt
import pytest

from market import merkle
from services.credentials.keys import read_public
from services.credentials.signed import CredentialError, verify
from services.gateway.access import ACCESS
from services.gateway.guard import BODY_BYTES_MAX
from tests.builders.exchange import CSV, FREE, METERED, Exchange
from tests.builders.places import EMBEDDED, Place, only


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    made.party("bole", "buyer", money=1_000_000)
    yield made
    made.close()


def problem(answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["detail"]
    assert body["status"] == answer.status_code
    return answer.status_code, body["type"].removeprefix("/problems/")


def bid(market: Exchange, who: str, auction_id: str, amount: int, **more):
    body = {"currency": "CNY", "max_price_minor": amount}
    return market.call(who, "POST", f"/v1/auctions/{auction_id}/bids", body, **more)


def test_an_auction_from_bid_to_signed_grant(market: Exchange) -> None:
    auction_id = market.auction("seller", lasts_ms=3_000)
    assert bid(market, "anna", auction_id, 5_000).json()["status"] == "leading"
    assert bid(market, "bole", auction_id, 9_000).json()["price_minor"] == 5_100
    auction = market.ok("", "GET", f"/v1/auctions/{auction_id}")
    assert (auction["price_minor"], auction["bid_count"]) == (5_100, 2)
    trade = market.once_settled("bole", auction_id)
    assert trade["price_minor"] == 5_100
    auction = market.ok("", "GET", f"/v1/auctions/{auction_id}")
    assert (auction["status"], auction["winner_id"]) == ("sold", market.ids["bole"])
    answer = market.call("bole", "GET", f"/v1/grants/{trade['grant_id']}/credential")
    venue = market.ok("", "GET", "/v1/venue")
    keys = read_public(venue["grant_key"])
    body = verify(answer.text, keys, venue["issuer"])
    assert body["credentialSubject"]["id"] == f"urn:databourse:{market.ids['bole']}"
    assert jwt.get_unverified_header(answer.text)["typ"] == "vc+jwt"
    head, payload, signature = answer.text.split(".")
    forged = f"{head}.{payload[:-2]}{'A' if payload[-2] != 'A' else 'B'}{payload[-1]}.{signature}"
    assert forged != answer.text
    with pytest.raises(CredentialError):
        verify(forged, keys, venue["issuer"])
    delivered = market.call("bole", "POST", f"/v1/grants/{trade['grant_id']}/deliveries", {})
    assert delivered.content == CSV


def test_metered_rows_are_charged_delivered_and_free_under_the_same_key(market: Exchange) -> None:
    listing_id = market.listing("seller", METERED)
    body = {"currency": "CNY", "budget_minor": 100}
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/subscriptions", body)
    path = f"/v1/grants/{trade['grant_id']}"
    page = {"offset": 1, "limit": 2}
    first = market.call("anna", "POST", f"{path}/deliveries", page, key="page-1")
    again = market.call("anna", "POST", f"{path}/deliveries", page, key="page-1")
    assert first.content == again.content == b"day,mm\n2024-01-02,0\n2024-01-03,7.25\n"
    grant = market.ok("anna", "GET", path)
    assert (grant["used"], grant["charged_minor"], grant["prepaid_minor"]) == (2, 20, 80)
    other = market.call("anna", "POST", f"{path}/deliveries", {**page, "limit": 1}, key="page-1")
    assert problem(other) == (422, "idempotency_key_reused")
    whole = market.call("anna", "POST", f"{path}/deliveries", {})
    assert whole.content == CSV
    for _ in range(2):
        market.call("anna", "POST", f"{path}/usage", {"quantity": 3})
    refused = market.call("anna", "POST", f"{path}/usage", {"quantity": 3})
    assert problem(refused) in ((402, "prepaid_exhausted"), (409, "grant_suspended"))
    more = {"currency": "CNY", "amount_minor": 500}
    assert market.ok("anna", "POST", f"{path}/top-ups", more)["status"] == "active"
    ended = market.ok("anna", "POST", f"{path}/end")
    assert (ended["status"], ended["prepaid_minor"]) == ("revoked", 0)
    assert problem(market.call("anna", "POST", f"{path}/usage", {"quantity": 1})) == (
        404,
        "grant_unknown",
    )


def test_json_lines_are_taken_too(market: Exchange) -> None:
    lines = b'{"city": "Nanning", "people": 8}\n{"city": null, "people": 3}\n'
    content = market.data_set("seller", lines, "application/x-ndjson").json()["content"]
    assert content["row_count"] == 2
    assert [column["type"] for column in content["columns"]] == ["text", "integer"]
    assert content["columns"][0]["nullable"] is True


@pytest.mark.parametrize(
    ("content", "media_type", "fault"),
    [
        (b"a,b\n1,2\n3\n", "text/csv", "line 3: 1 fields where the header has 2"),
        (b"a,a\n1,2\n", "text/csv", "line 1: two columns are named 'a'"),
        (b'a,b\n1,"2\n', "text/csv", "line 2: unexpected end of data"),
        (b"\xff\xfe\n", "text/csv", "the content is not UTF-8"),
        (b"", "text/csv", "line 1: the content is empty"),
        (b'{"a": 1}\n{"b": 1}\n', "application/x-ndjson", "line 2: keys ['b'] where line 1 has"),
        (b'{"a": 1}\n{"a": [1]}\n', "application/x-ndjson", "line 2: not a flat JSON object"),
        (b"x", "text/plain", "is not taken: send text/csv, application/x-ndjson or "),
    ],
)
def test_broken_content_is_named_by_line(
    market: Exchange, content: bytes, media_type: str, fault: str
) -> None:
    answer = market.data_set("seller", content, media_type)
    assert problem(answer) == (422, "content_invalid")
    assert fault in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "currency"),
        ({"currency": "CNY"}, "max_price_minor"),
        ({"currency": "CNY", "max_price_minor": 0}, "greater than 0"),
        ({"currency": "CNY", "max_price_minor": -5}, "greater than 0"),
        ({"currency": "CNY", "max_price_minor": 2**53}, "less than or equal"),
        ({"currency": "CNY", "max_price_minor": 1.5}, "valid integer"),
        ({"currency": "CNY", "max_price_minor": "9"}, "valid integer"),
        ({"currency": "XXX", "max_price_minor": 9}, "currency"),
        ({"currency": "CNY", "max_price_minor": 9, "colour": "red"}, "colour"),
    ],
)
def test_a_malformed_bid_is_told_what_is_wrong_with_it(
    market: Exchange, body: dict, fault: str
) -> None:
    size = market.size
    answer = market.call("anna", "POST", "/v1/auctions/auc_whatever/bids", body)
    assert problem(answer) == (422, "invalid_request")
    assert fault in answer.json()["detail"]
    assert market.size == size


def test_each_refused_bid_has_its_own_answer(market: Exchange) -> None:
    auction_id = market.auction("seller")
    market.party("poor", "buyer")
    assert problem(bid(market, "anna", "auc_nowhere", 5_000)) == (409, "auction_not_open")
    assert problem(bid(market, "anna", auction_id, 10)) == (409, "bid_below_minimum")
    assert problem(bid(market, "poor", auction_id, 5_000)) == (402, "insufficient_funds")
    assert problem(bid(market, "seller", auction_id, 5_000)) == (403, "role_not_allowed")
    bid(market, "anna", auction_id, 5_000)
    assert problem(bid(market, "anna", auction_id, 5_000)) == (409, "bid_not_above_own_maximum")


def test_who_speaks_must_be_known_and_allowed(market: Exchange) -> None:
    path = "/v1/parties"
    assert problem(market.call("", "GET", path)) == (401, "token_missing")
    market.tokens["thief"] = "dbt_made_up"
    assert problem(market.call("thief", "GET", path)) == (401, "token_invalid")
    assert problem(market.call("anna", "GET", path)) == (403, "role_not_allowed")
    other = f"{path}/{market.ids['bole']}/balances"
    assert problem(market.call("anna", "GET", other)) == (403, "not_owner")
    assert market.call("regulator", "GET", other).status_code == 200


def test_an_expired_or_revoked_token_is_refused(market: Exchange) -> None:
    path = f"/v1/parties/{market.ids['anna']}"
    brief = market.ok("operator", "POST", f"{path}/tokens", {"role": "buyer", "lasts_ms": 1})
    gone = market.ok("operator", "POST", f"{path}/tokens", {"role": "buyer"})
    assert market.call("operator", "DELETE", f"/v1/tokens/{gone['id']}").status_code == 204
    for name, issued in (("brief", brief), ("gone", gone)):
        market.tokens[name] = issued["token"]
        assert problem(market.call(name, "GET", path)) == (401, "token_invalid")


def test_idempotency_keys_are_needed_kept_and_not_reused(market: Exchange) -> None:
    path = f"/v1/parties/{market.ids['anna']}/deposits"
    money = {"currency": "CNY", "amount_minor": 7, "reference": "bank"}
    missing = market.call("operator", "POST", path, money, key=None)
    assert problem(missing) == (400, "idempotency_key_missing")
    first = market.call("operator", "POST", path, money, key="once")
    again = market.call("operator", "POST", path, money, key="once")
    assert first.json() == again.json()
    other = market.call("operator", "POST", path, {**money, "amount_minor": 8}, key="once")
    assert problem(other) == (422, "idempotency_key_reused")
    statement = market.ok("anna", "GET", f"/v1/parties/{market.ids['anna']}/statement?limit=1000")
    assert [line["amount_minor"] for line in statement["items"]].count(7) == 1


@only(EMBEDDED)
def test_a_command_still_under_way_is_not_sent_twice(market: Exchange) -> None:
    path = f"/v1/parties/{market.ids['anna']}/deposits"
    market.http.app.state.running.add(("pty_operator", path, "busy"))
    money = {"currency": "CNY", "amount_minor": 9, "reference": "bank"}
    answer = market.call("operator", "POST", path, money, key="busy")
    assert problem(answer) == (409, "still_running")
    market.http.app.state.running.remove(("pty_operator", path, "busy"))
    assert market.call("operator", "POST", path, money, key="busy").is_success


def test_without_waiting_a_command_is_accepted_with_its_location(market: Exchange) -> None:
    path = f"/v1/parties/{market.ids['anna']}/deposits"
    money = {"currency": "CNY", "amount_minor": 9, "reference": "bank"}
    answer = market.call("operator", "POST", path, money, headers={"Prefer": ""})
    assert answer.status_code == 202
    command = market.once_there("operator", answer.headers["location"])
    assert command["status"] == "accepted"
    assert "digest" not in command


def test_an_oversized_body_is_refused_before_it_is_read(market: Exchange) -> None:
    body = {"name": "x" * BODY_BYTES_MAX, "kind": "person", "roles": ["buyer"]}
    assert problem(market.call("operator", "POST", "/v1/parties", body)) == (413, "body_too_large")


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/listings?after={10**30}",
        f"/v1/listings?limit={10**30}",
        f"/v1/audit/entries/{10**30}",
        f"/v1/audit/consistency?old_size=1&new_size={10**30}",
    ],
)
def test_numbers_beyond_every_record_are_refused(market: Exchange, path: str) -> None:
    assert problem(market.call("regulator", "GET", path)) == (422, "invalid_request")


def test_deep_json_is_refused(market: Exchange) -> None:
    headers = {
        "Authorization": f"Bearer {market.tokens['operator']}",
        "Idempotency-Key": "deep",
        "Content-Type": "application/json",
    }
    deep = "[" * 10_000 + "]" * 10_000
    answer = market.http.post("/v1/parties", content=deep, headers=headers)
    assert answer.status_code in (400, 422)


def test_a_tariff_that_cannot_work_names_the_part(market: Exchange) -> None:
    data_set_id = market.data_set("seller").json()["id"]
    tariff = {**METERED["tariff"], "tiers": [{"up_to": 5, "unit_price_minor": "1"}]}
    from tests.builders.exchange import ANY_USE, ENTRY

    body = {
        "data_set_id": data_set_id,
        "entry": ENTRY,
        "offer": {"mode": "metered", "tariff": tariff},
        "grant_terms": ANY_USE,
    }
    answer = market.call("seller", "POST", "/v1/listings", body)
    assert problem(answer) == (422, "tariff_invalid")
    assert "offer.tariff.tiers: the last tier must have no bound" in answer.json()["detail"]


def test_a_proof_from_the_edge_verifies_and_sealed_entries_show_only_their_hash(
    market: Exchange,
) -> None:
    auction_id = market.auction("seller", reserve_price_minor=77_777, reserve_hidden=True)
    bid(market, "anna", auction_id, 54_321)
    market.published()
    head = market.ok("", "GET", "/v1/audit/head")
    sealed = 0
    for position in range(head["size"]):
        entry = market.ok("regulator", "GET", f"/v1/audit/entries/{position}")
        merkle.verify_inclusion(
            bytes.fromhex(entry["leaf_hash"]),
            position,
            entry["tree_size"],
            [bytes.fromhex(sibling) for sibling in entry["proof"]],
            bytes.fromhex(entry["root"]),
        )
        text = json.dumps([entry["attributes"], entry["record"]])  # hashes hold any digits
        assert not re.search(r"\b(54321|77777)\b", text)  # times hold any digits too
        sealed += entry["sealed"]
    assert sealed >= 5
    for path in (f"/v1/auctions/{auction_id}", f"/v1/auctions/{auction_id}/bids", "/v1/auctions"):
        shown = market.call("bole", "GET", path).text
        assert "54321" not in shown
        assert "77777" not in shown


def test_reserve_is_shown_as_met_or_not(market: Exchange) -> None:
    auction_id = market.auction("seller", reserve_price_minor=4_000, reserve_hidden=True)
    path = f"/v1/auctions/{auction_id}"
    bid(market, "anna", auction_id, 3_999)
    before = market.ok("", "GET", path)
    bid(market, "bole", auction_id, 6_000)
    after = market.ok("", "GET", path)
    assert (before["reserve_met"], after["reserve_met"]) == (False, True)
    assert before["reserve_price_minor"] is after["reserve_price_minor"] is None


def test_pages_go_on_where_they_ended(market: Exchange) -> None:
    listing_id = market.listing("seller", FREE)
    for _ in range(5):
        market.ok("bole", "POST", f"/v1/listings/{listing_id}/access-requests", {})
    seen: list[str] = []
    after = -1
    while after is not None:
        page = market.ok("bole", "GET", f"/v1/grants?limit=2&after={after}")
        seen += [grant["id"] for grant in page["items"]]
        after = page["next_after"]
    assert len(seen) == len(set(seen)) >= 5


def test_the_books_balance_and_the_market_is_ready(market: Exchange) -> None:
    assert market.ok("regulator", "GET", "/v1/audit/trial-balance")["balanced"] is True
    assert market.ok("", "GET", "/readyz") == {"status": "ready"}


def test_every_route_has_a_row_in_the_table_of_roles(market: Exchange) -> None:
    document = market.http.get("/openapi.json").json()
    routes = {
        (method.upper(), path) for path, about in document["paths"].items() for method in about
    }
    assert routes == set(ACCESS)
