"""Access through HTTP: a conditional request from asking to evaluation, and what is overdue."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.commands import TimePassed
from services.workdays import load_calendar
from streams.embedded import EmbeddedLog
from streams.runner import CascadeRunner
from tests.builders.access import CASE, Office
from tests.builders.exchange import ANY_USE, AUCTION, CONDITIONAL, FREE, METERED, Exchange
from tests.builders.market import T0
from tests.builders.places import Place

SCORES = {"completeness": 90, "accuracy": 80, "availability": 100, "timeliness": 70}
APPROVED = {"approved": True, "reason": "in order"}
NEWER = b"day,mm\n2024-01-04,9\n"
LICENCE = "Use it for research. 仅限研究使用。"
ACCEPTED = hashlib.sha256(LICENCE.encode()).hexdigest()
UNDER_LICENCE = {**ANY_USE, "acceptance": LICENCE}


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    made.party("other", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    made.party("bole", "buyer", money=1_000_000)
    yield made
    made.close()


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def ask(market: Exchange, listing_id: str, who: str = "anna", **body: Any) -> Any:
    return market.call(who, "POST", f"/v1/listings/{listing_id}/access-requests", body)


def test_unconditional_access_answers_with_its_grant(market: Exchange) -> None:
    row = ask(market, market.listing("seller", FREE)).json()
    assert (row["status"], row["conditional"], row["waits_for"]) == ("granted", False, None)
    assert market.ok("anna", "GET", f"/v1/grants/{row['grant_id']}")["status"] == "active"
    assert market.ok("anna", "GET", f"/v1/trades/{row['trade_id']}")["price_minor"] == 0


def test_a_conditional_request_from_asking_to_evaluation(market: Exchange) -> None:
    listing_id = market.listing("seller", CONDITIONAL)
    row = ask(market, listing_id, purpose="a study").json()
    path = f"/v1/access-requests/{row['id']}"
    assert (row["status"], row["waits_for"], row["grant_id"]) == ("review", "operator", None)
    assert row["due_ms"] > market.now_ms
    row = market.ok("operator", "POST", f"{path}/review", APPROVED)
    assert (row["status"], row["waits_for"]) == ("decision", "supplier")
    row = market.ok("seller", "POST", f"{path}/decision", APPROVED)
    assert (row["status"], row["waits_for"]) == ("push", "operator")
    row = market.ok("operator", "POST", f"{path}/subscription")
    assert (row["status"], row["waits_for"]) == ("use", "buyer")
    assert row["challenge_until_ms"] < row["due_ms"]
    grant_id = row["grant_id"]
    market.ok("anna", "POST", f"{path}/challenge", {"text": "January 4 is missing"})
    data_set_id = market.ok("anna", "GET", f"/v1/grants/{grant_id}")["data_set_id"]
    market.call(
        "seller",
        "POST",
        f"/v1/data-sets/{data_set_id}/revisions",
        content=NEWER,
        headers={"Content-Type": "text/csv"},
    )
    answer = {"upheld": True, "text": "added", "revision": 2}
    assert market.ok("seller", "POST", f"{path}/answer", answer)["status"] == "evaluation"
    delivered = market.call("anna", "POST", f"/v1/grants/{grant_id}/deliveries", {})
    assert delivered.content == NEWER
    evaluation = {"scores": SCORES, "comment": "good"}
    row = market.ok("anna", "POST", f"{path}/evaluation", evaluation)
    assert (row["status"], row["due_ms"], row["scores"]) == ("evaluated", None, SCORES)
    assert [step["step"] for step in row["steps"]] == [
        "AccessReviewed",
        "AccessDecided",
        "SubscriptionPushed",
        "QualityChallenged",
        "ChallengeAnswered",
        "AccessEvaluated",
    ]
    assert row["steps"][3]["text"] == "January 4 is missing"


def test_a_refusal_tells_its_reason_and_needs_one(market: Exchange) -> None:
    path = f"/v1/access-requests/{ask(market, market.listing('seller', CONDITIONAL)).json()['id']}"
    silent = market.call("operator", "POST", f"{path}/review", {"approved": False, "reason": ""})
    assert problem(silent) == (422, "invalid_request")
    refused = {"approved": False, "reason": "no legal basis"}
    row = market.ok("operator", "POST", f"{path}/review", refused)
    assert (row["status"], row["reason"], row["waits_for"]) == ("refused", "no legal basis", None)
    late = market.call("operator", "POST", f"{path}/review", APPROVED)
    assert problem(late) == (404, "access_request_unknown")


def test_a_request_is_taken_back_by_its_buyer_only(market: Exchange) -> None:
    path = f"/v1/access-requests/{ask(market, market.listing('seller', CONDITIONAL)).json()['id']}"
    reason = {"reason": "not needed"}
    other = market.call("bole", "POST", f"{path}/withdrawal", reason)
    assert problem(other) == (403, "not_owner")
    assert market.ok("anna", "POST", f"{path}/withdrawal", reason)["status"] == "withdrawn"


def test_steps_out_of_turn_and_by_others_are_refused(market: Exchange) -> None:
    path = f"/v1/access-requests/{ask(market, market.listing('seller', CONDITIONAL)).json()['id']}"
    early = market.call("seller", "POST", f"{path}/decision", APPROVED)
    assert problem(early) == (409, "access_request_wrong_stage")
    assert problem(market.call("other", "POST", f"{path}/decision", APPROVED)) == (403, "not_owner")
    assert problem(market.call("seller", "POST", f"{path}/review", APPROVED)) == (
        403,
        "role_not_allowed",
    )
    missing = "/v1/access-requests/acc_nowhere/review"
    assert problem(market.call("operator", "POST", missing, APPROVED)) == (
        404,
        "access_request_unknown",
    )


def test_each_sees_their_own_requests_and_oversight_all(market: Exchange) -> None:
    listing_id = market.listing("seller", CONDITIONAL)
    mine = ask(market, listing_id).json()["id"]
    theirs = ask(market, listing_id, "bole").json()["id"]

    def seen(who: str, query: str = "") -> set[str]:
        path = f"/v1/access-requests?listing_id={listing_id}{query}"
        return {row["id"] for row in market.ok(who, "GET", path)["items"]}

    assert seen("anna") == {mine}
    assert seen("seller") == seen("operator") == seen("regulator") == {mine, theirs}
    assert seen("other") == set()
    assert seen("seller", "&status=decision") == set()
    assert seen("seller", "&overdue=false") == {mine, theirs}
    assert seen("seller", "&overdue=true") == set()
    assert problem(market.call("bole", "GET", f"/v1/access-requests/{mine}")) == (403, "not_owner")
    assert market.ok("seller", "GET", f"/v1/access-requests/{mine}")["buyer_id"]


def test_terms_with_an_acceptance_text_need_its_hash(market: Exchange) -> None:
    listing_id = market.listing("seller", FREE, UNDER_LICENCE)
    assert market.ok("", "GET", f"/v1/listings/{listing_id}")["acceptance_sha256"] == ACCEPTED
    assert problem(ask(market, listing_id)) == (409, "terms_not_accepted")
    assert problem(ask(market, listing_id, accepted_sha256="b" * 64)) == (409, "terms_not_accepted")
    assert problem(ask(market, listing_id, accepted_sha256="yes")) == (422, "invalid_request")
    row = ask(market, listing_id, accepted_sha256=ACCEPTED).json()
    assert row["accepted_sha256"] == ACCEPTED
    grant = market.ok("anna", "GET", f"/v1/grants/{row['grant_id']}")
    assert grant["accepted_sha256"] == ACCEPTED


def test_subscriptions_and_bids_accept_terms_too(market: Exchange) -> None:
    listing_id = market.listing("seller", METERED, UNDER_LICENCE)
    path = f"/v1/listings/{listing_id}/subscriptions"
    money = {"currency": "CNY", "budget_minor": 500}
    assert problem(market.call("anna", "POST", path, money)) == (409, "terms_not_accepted")
    trade = market.ok("anna", "POST", path, {**money, "accepted_sha256": ACCEPTED})
    grant = market.ok("anna", "GET", f"/v1/grants/{trade['grant_id']}")
    assert grant["accepted_sha256"] == ACCEPTED
    auctioned = market.listing("seller", AUCTION, UNDER_LICENCE)
    now_ms = market.now_ms
    terms = {
        "format": "english",
        "currency": "CNY",
        "starts_at_ms": now_ms,
        "ends_at_ms": now_ms + 60_000,
        "start_price_minor": 1_000,
        "increments": "ebay-2003",
    }
    opened = market.ok("seller", "POST", f"/v1/listings/{auctioned}/auctions", {"terms": terms})
    path = f"/v1/auctions/{opened['id']}/bids"
    bid = {"currency": "CNY", "max_price_minor": 5_000}
    assert problem(market.call("anna", "POST", path, bid)) == (409, "terms_not_accepted")
    assert market.ok("anna", "POST", path, {**bid, "accepted_sha256": ACCEPTED})["price_minor"]


def test_a_new_venue_has_the_shipped_calendar_and_the_operator_sets_another(
    market: Exchange,
) -> None:
    shown = market.ok("", "GET", "/v1/calendar")
    assert shown["holidays"] == list(load_calendar().holidays)
    assert "2026-02-14" in shown["workdays"]
    days = {name: shown[name] for name in ("source", "first_day", "last_day", "holidays")}
    body = {**days, "name": "another", "workdays": []}
    assert problem(market.call("anna", "POST", "/v1/calendar", body)) == (403, "role_not_allowed")
    assert market.ok("operator", "POST", "/v1/calendar", body)["workdays"] == []
    broken = {**body, "holidays": ["2026-02-30"]}
    answer = market.call("operator", "POST", "/v1/calendar", broken)
    assert problem(answer) == (422, "calendar_invalid")
    unreadable = {**body, "holidays": ["tomorrow"]}
    answer = market.call("operator", "POST", "/v1/calendar", unreadable)
    assert problem(answer) == (422, "invalid_request")


def test_a_missed_deadline_stands_on_the_operators_list(tmp_path: Path) -> None:
    """Requests made long ago, before the market was started again: their deadlines fire then."""
    office = Office()
    office.ask()
    office.ask(id="acc_case02")
    office.review(access_id="acc_case02")
    log = EmbeddedLog(tmp_path)
    said = [message for message, cause in office.log if cause == -1]
    CascadeRunner(log, lambda: T0).run_now(
        [command for command in said if not isinstance(command, TimePassed)]
    )
    log.close()
    market = Exchange(tmp_path)
    token = market.ok("operator", "POST", "/v1/parties/pty_supplier/tokens", {"role": "supplier"})
    market.tokens["seller"] = token["token"]
    rows = {}
    while len(rows) < 2:
        rows = {row["id"]: row for row in market.ok("operator", "GET", "/v1/escalations")["items"]}
    first, second = rows[CASE], rows["acc_case02"]
    assert (first["status"], first["waits_for"]) == ("review", "operator")
    assert (second["status"], second["waits_for"]) == ("decision", "supplier")
    assert first["overdue_since_ms"] == first["due_ms"] == 1_700_236_800_000
    assert [step["step"] for step in first["steps"]] == ["AccessOverdue"]
    assert problem(market.call("seller", "GET", "/v1/escalations")) == (403, "role_not_allowed")
    late = market.ok("seller", "GET", "/v1/access-requests?overdue=true")["items"]
    assert {row["id"] for row in late} == set(rows)
    path = f"/v1/access-requests/{CASE}/review"
    row = market.ok("operator", "POST", path, APPROVED)
    assert (row["status"], row["overdue_since_ms"]) == ("decision", None)
    left = market.ok("operator", "GET", "/v1/escalations")["items"]
    assert [row["id"] for row in left] == ["acc_case02"]
    market.stop()
