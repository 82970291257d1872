"""Money through HTTP: refunds, payouts, statements and the trial balance."""

from collections.abc import Iterator

import pytest

from tests.builders.exchange import METERED, Exchange


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    made = Exchange(tmp_path_factory.mktemp("market"))
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
