"""Money through HTTP: refunds, payouts, statements and the trial balance."""

from collections.abc import Iterator

import pytest

from tests.builders.exchange import METERED, Exchange
from tests.builders.places import Place


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier", kind="public_service")
    made.party("anna", "buyer", money=1_000_000)
    made.party("bole", "buyer", money=1_000_000)
    yield made
    made.close()


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def used_grant(market: Exchange, quantity: int = 10) -> str:
    listing_id = market.listing("seller", METERED)
    body = {"currency": "CNY", "budget_minor": 10_000}
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/subscriptions", body)
    market.ok("anna", "POST", f"/v1/grants/{trade['grant_id']}/usage", {"quantity": quantity})
    return str(trade["grant_id"])


def test_the_operator_refunds_up_to_what_was_paid(market: Exchange) -> None:
    path = f"/v1/grants/{used_grant(market)}/refunds"
    body = {"amount_minor": 60, "reason": "rows were missing"}
    assert market.ok("operator", "POST", path, body)["refunded_minor"] == 60
    assert market.ok("operator", "POST", path, {**body, "amount_minor": 41})["refunded_minor"] == (
        101
    )
    assert code(market.call("operator", "POST", path, body)) == (409, "refund_exceeds_paid")
    assert code(market.call("anna", "POST", path, body)) == (403, "role_not_allowed")
    assert code(market.call("operator", "POST", "/v1/grants/grt_none/refunds", body)) == (
        409,
        "nothing_paid",
    )


def test_fees_and_treasury_proceeds_leave_by_payouts(market: Exchange) -> None:
    used_grant(market, 100)
    body = {"purse": "treasury", "currency": "CNY", "amount_minor": 490, "reference": "bank 3"}
    assert market.ok("operator", "POST", "/v1/venue/payouts", body)["status"] == "accepted"
    fees = {**body, "purse": "venue_fees", "amount_minor": 10_000_000}
    answer = market.call("operator", "POST", "/v1/venue/payouts", fees)
    assert code(answer) == (402, "insufficient_funds")
    assert market.call("anna", "POST", "/v1/venue/payouts", fees).status_code == 403
    odd = market.call("operator", "POST", "/v1/venue/payouts", {**body, "purse": "pocket"})
    assert code(odd) == (422, "invalid_request")


def test_a_party_is_verified_approved_suspended_and_resumed(market: Exchange) -> None:
    body = {"name": "Chen", "kind": "person", "roles": ["buyer"]}
    path = f"/v1/parties/{market.ok('operator', 'POST', '/v1/parties', body)['id']}"
    assert code(market.call("operator", "POST", f"{path}/approval")) == (409, "party_not_verified")
    proof = {"method": "identity card", "evidence": "file 7"}
    verified = market.ok("operator", "POST", f"{path}/verification", proof)
    assert (verified["verified"], verified["verification"]) == (True, "identity card")
    assert market.ok("operator", "POST", f"{path}/approval")["status"] == "approved"
    suspended = market.ok("operator", "POST", f"{path}/suspension", {"reason": "inquiry"})
    assert (suspended["status"], suspended["reason"]) == ("suspended", "inquiry")
    assert market.ok("operator", "POST", f"{path}/resumption")["status"] == "approved"
    controller = {"controller_id": market.ids["seller"]}
    assert (
        market.ok("operator", "PUT", f"{path}/controller", controller)["controller_id"]
        == (market.ids["seller"])
    )
    none = {"controller_id": None}
    assert market.ok("operator", "PUT", f"{path}/controller", none)["controller_id"] is None
    itself = {"controller_id": path.rpartition("/")[2]}
    answer = market.call("operator", "PUT", f"{path}/controller", itself)
    assert code(answer) == (409, "controller_invalid")
    first = market.ok("operator", "GET", "/v1/parties")["items"][0]
    assert (first["id"], first["verification"]) == ("pty_operator", "opening of the venue")


def test_a_statement_has_opening_and_closing_balances_and_pages_that_lose_nothing(
    market: Exchange,
) -> None:
    used_grant(market)
    path = f"/v1/parties/{market.ids['anna']}/statement"
    whole = market.ok("anna", "GET", f"{path}?limit=1000")
    assert whole["next_after"] is None
    lines, after = [], -1
    while after is not None:
        page = market.ok("anna", "GET", f"{path}?limit=1&after={after}")
        lines += page["items"]
        after = page["next_after"]
        assert page["accounts"] == whole["accounts"]
    assert lines == whole["items"]
    last = {line["account"]: line["balance_minor"] for line in lines}
    assert {a["account"]: a["closing_minor"] for a in whole["accounts"]} == last
    balances = market.ok("anna", "GET", f"/v1/parties/{market.ids['anna']}/balances")
    assert last.items() <= {b["account"]: b["balance_minor"] for b in balances}.items()
    middle = lines[len(lines) // 2]["at_ms"]
    first = market.ok("anna", "GET", f"{path}?limit=1000&until_ms={middle}")
    second = market.ok("anna", "GET", f"{path}?limit=1000&from_ms={middle}")
    assert first["items"] + second["items"] == lines
    closings = {a["account"]: a["closing_minor"] for a in first["accounts"]}
    openings = {a["account"]: a["opening_minor"] for a in second["accounts"]}
    assert closings == openings
    wrong = market.call("anna", "GET", f"{path}?from_ms=5&until_ms=4")
    assert code(wrong) == (422, "period_invalid")
    assert code(market.call("bole", "GET", path)) == (403, "not_owner")


def test_a_statement_comes_as_csv_too(market: Exchange) -> None:
    used_grant(market)
    path = f"/v1/parties/{market.ids['anna']}/statement"
    answer = market.call("anna", "GET", path, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = answer.text.splitlines()
    assert rows[0].startswith("line,at,position,account")
    assert rows[1].startswith("opening,,,")
    assert rows[-1].startswith("closing,,,")
    whole = market.ok("anna", "GET", f"{path}?limit=1000")
    assert len(rows) == 1 + len(whole["items"]) + 2 * len(whole["accounts"])


def test_others_than_the_owner_see_one_held_sum_and_no_lock(market: Exchange) -> None:
    """A bid of 34,567.89 is locked with its fee; operator and regulator must not see it move."""
    party_id = market.ids["bole"]
    auction_id = market.auction("seller")
    paths = (
        f"/v1/parties/{party_id}/balances",
        f"/v1/parties/{party_id}/statement?limit=1000",
        "/v1/audit/trial-balance",
        "/v1/audit/trial-balance?at_ms=9007199254740991",
    )
    before = [market.ok(who, "GET", path) for path in paths for who in ("operator", "regulator")]
    maximum = {"currency": "CNY", "max_price_minor": 345_678}
    market.ok("bole", "POST", f"/v1/auctions/{auction_id}/bids", maximum)
    after = [market.ok(who, "GET", path) for path in paths for who in ("operator", "regulator")]
    assert after == before
    own = market.call("bole", "GET", paths[0]).text
    assert str(345_678 + 3_457) in own
    assert str(1_000_000 - 345_678 - 3_457) in own
    assert "345678" not in str(after)
    assert {row["kind"] for row in after[0]} == {"held"}
    lines = market.ok("bole", "GET", paths[1])["items"]
    assert "FundsReserved" in {line["event"] for line in lines}
    assert "FundsReserved" not in {line["event"] for line in after[2]["items"]}


def test_the_trial_balance_names_every_account_at_any_time(market: Exchange) -> None:
    used_grant(market)
    now = market.ok("regulator", "GET", "/v1/audit/trial-balance")
    assert now["balanced"] is True
    assert now["sums_minor"]["CNY"] == 0
    assert "external/CNY/external" in {line["account"] for line in now["accounts"]}
    early = market.ok("operator", "GET", "/v1/audit/trial-balance?at_ms=1")
    assert early == {"balanced": True, "sums_minor": {}, "accounts": []}
    venue = market.ok("operator", "GET", "/v1/parties/venue/statement?limit=1000")
    assert {account["account"] for account in venue["accounts"]} >= {"venue/CNY/fees"}
    assert code(market.call("anna", "GET", "/v1/audit/trial-balance")) == (403, "role_not_allowed")
