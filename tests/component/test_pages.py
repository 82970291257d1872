"""The pages as a browser gets them: who sees what, whose forms are taken, what is never sent."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.pages.actions import FORM_BYTES_MAX
from services.pages.session import COOKIE, form_mark
from services.pages.views import VIEWS
from tests.builders.exchange import ANY_USE, AUCTION, FREE, METERED, Exchange

WHOLE = "text/html,application/xhtml+xml"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    made = Exchange(tmp_path_factory.mktemp("pages"))
    made.party("supplier", "supplier")
    made.party("anna", "buyer", money=1_000_00)
    made.party("bole", "buyer", money=1_000_00)
    yield made
    made.close()


class Browser:
    """Speaks for a party by a cookie, as a browser does."""

    def __init__(self, exchange: Exchange, who: str = "") -> None:
        self._exchange = exchange
        self._token = exchange.tokens[who] if who else ""
        self.mark = form_mark(self._token)

    def get(self, path: str, **headers: str) -> Any:
        return self._send("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Any:
        said = {"mark": self.mark, "key": f"page-{path}", **form}
        return self._send("POST", path, data=said, headers=headers)

    def _send(self, method: str, path: str, **more: Any) -> Any:
        headers = {"accept": WHOLE, **more.pop("headers")}
        if self._token:
            headers["cookie"] = f"{COOKIE}={self._token}"
        self._exchange.http.cookies.clear()
        return self._exchange.http.request(
            method, path, headers=headers, follow_redirects=False, **more
        )


@pytest.fixture(scope="module")
def places(exchange: Exchange) -> dict[str, str]:
    """One of each thing a page shows."""
    free = exchange.listing("supplier", FREE)
    metered = exchange.listing("supplier", METERED)
    sold = exchange.listing("supplier", AUCTION)
    access = exchange.ok("anna", "POST", f"/v1/listings/{free}/access-requests", {"purpose": "x"})
    body = {"currency": "CNY", "budget_minor": 10_00, "purpose": "x"}
    trade = exchange.ok("anna", "POST", f"/v1/listings/{metered}/subscriptions", body)
    now_ms = exchange.now_ms
    terms = {
        "format": "english",
        "currency": "CNY",
        "starts_at_ms": now_ms,
        "ends_at_ms": now_ms + 3_600_000,
        "start_price_minor": 1_00,
        "increments": "ebay-2003",
    }
    auction = exchange.ok("supplier", "POST", f"/v1/listings/{sold}/auctions", {"terms": terms})
    exchange.published()
    return {
        "free": free,
        "metered": metered,
        "auction": sold,
        "listing_id": sold,
        "auction_id": auction["id"],
        "access_id": access["id"],
        "trade_id": trade["id"],
        "grant_id": trade["grant_id"],
        "party_id": exchange.ids["anna"],
        "position": "3",
    }


@pytest.mark.parametrize("mode", ["free", "metered", "auction"])
@pytest.mark.parametrize("who", ["", "anna", "supplier", "operator"])
def test_a_listing_of_each_mode_is_shown_to_everybody(
    exchange: Exchange, places: dict[str, str], mode: str, who: str
) -> None:
    answer = Browser(exchange, who).get(f"/en/listings/{places[mode]}")
    assert answer.status_code == 200, answer.text
    assert ("Budget" in answer.text) == (mode == "metered" and who == "anna")


MAY_SEE = {
    "": {"publish": 401, "money": 401, "parties": 401, "review": 401},
    "anna": {"publish": 403, "parties": 403, "review": 403},
    "supplier": {"parties": 403, "review": 403},
    "operator": {"publish": 403},
    "regulator": {"publish": 403},
}
SHOWN = sorted(
    {*VIEWS} - {"sign-out", "grants/{grant_id}/content", "auctions/{auction_id}/confirmation"}
)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", SHOWN)
def test_the_operator_or_the_party_sees_each_page(
    exchange: Exchange, places: dict[str, str], path: str, language: str
) -> None:
    who = {"publish": "supplier", "money": "anna"}.get(path, "operator")
    answer = Browser(exchange, who).get(f"/{language}/{path.format(**places)}")
    assert answer.status_code == 200, answer.text
    if path not in ("auctions/{auction_id}/panel", "grants/{grant_id}/credential"):
        assert f'<html lang="{"zh-Hans-CN" if language == "zh" else "en"}">' in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize("who", MAY_SEE)
@pytest.mark.parametrize("path", ["publish", "money", "parties", "review", "listings", ""])
def test_each_role_sees_what_it_may(exchange: Exchange, who: str, path: str) -> None:
    answer = Browser(exchange, who).get(f"/en/{path}")
    expected = MAY_SEE[who].get(path, 200)
    if expected == 401:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/en/sign-in?next=")
    else:
        assert answer.status_code == expected


def test_a_form_is_taken_only_from_a_page_of_the_session(
    exchange: Exchange, places: dict[str, str]
) -> None:
    browser = Browser(exchange, "anna")
    path = f"/en/auctions/{places['auction_id']}/bids"
    bid = {"currency": "CNY", "amount": "5.00"}
    forged = (
        browser.post(path, {**bid, "mark": form_mark("another's")}),
        browser.post(path, bid, origin="http://evil.example"),
        browser.post(path, bid, **{"sec-fetch-site": "cross-site"}),
    )
    assert [answer.status_code for answer in forged] == [403, 403, 403]
    assert exchange.ok("anna", "GET", "/v1/bids")["items"] == []
    assert browser.post(path, bid).status_code == 303
    (placed,) = exchange.ok("anna", "GET", "/v1/bids")["items"]
    assert placed["max_price_minor"] == 5_00
    assert browser.post(path, bid).status_code == 303  # the same page sent twice is one bid
    assert len(exchange.ok("anna", "GET", "/v1/bids")["items"]) == 1


@pytest.mark.parametrize(
    ("amount", "code"),
    [("5,00x", "amount invalid"), ("-3", "amount invalid"), ("1.005", "amount invalid"),
     ("0.10", "bid below minimum"), ("99999", "insufficient funds")],
)  # fmt: skip
def test_a_refusal_says_in_words_what_was_wrong(
    exchange: Exchange, places: dict[str, str], amount: str, code: str
) -> None:
    path = f"/en/auctions/{places['auction_id']}/bids"
    form = {"currency": "CNY", "amount": amount, "key": f"wrong-{amount}"}
    answer = Browser(exchange, "bole").post(path, form)
    assert 400 <= answer.status_code < 500
    assert f"<h1>{code}</h1>" in answer.text


def test_a_bid_is_confirmed_with_the_fee_and_the_terms_before_it_is_sent(
    exchange: Exchange,
) -> None:
    terms = {**ANY_USE, "acceptance": "Research only."}
    listing_id = exchange.listing("supplier", AUCTION, terms)
    now_ms = exchange.now_ms
    english = {
        "format": "english",
        "currency": "CNY",
        "starts_at_ms": now_ms - 1,
        "ends_at_ms": now_ms + 60_000,
        "start_price_minor": 10_00,
        "increments": "ebay-2003",
    }
    opened = exchange.ok(
        "supplier", "POST", f"/v1/listings/{listing_id}/auctions", {"terms": english}
    )
    browser, path = Browser(exchange, "bole"), f"/en/auctions/{opened['id']}"
    panel = browser.get(f"{path}/panel").text
    assert re.findall('name="suggested" value="([0-9]+)"', panel) == ["1000", "1050", "1200"]
    asked = browser.post(f"{path}/confirmation", {"amount": "123.45"})
    assert asked.status_code == 200
    for said in ("¥123.45", "1 %", "¥1.23", "¥124.68", "Research only."):
        assert said in asked.text
    assert exchange.ok("bole", "GET", f"/v1/bids?auction_id={opened['id']}")["items"] == []
    fields = dict(re.findall('<input type="hidden" name="(.+?)" value="(.*?)">', asked.text))
    assert fields.pop("mark") == browser.mark
    fields = {name: fields[name] for name in ("key", "currency", "amount", "accepted_sha256")}
    assert browser.post(f"{path}/bids", fields).status_code == 303
    (placed,) = exchange.ok("bole", "GET", f"/v1/bids?auction_id={opened['id']}")["items"]
    assert placed["max_price_minor"] == 123_45
    panel = browser.get(f"{path}/panel").text  # a leader is offered more than the own highest
    assert re.findall('name="suggested" value="([0-9]+)"', panel) == ["12595", "12845", "13595"]
    chosen = browser.post(f"{path}/confirmation", {"suggested": "12500", "amount": ""})
    assert "¥125.00" in chosen.text


def test_a_trade_shows_its_stages_and_who_was_paid(
    exchange: Exchange, places: dict[str, str]
) -> None:
    path = f"/en/trades/{places['trade_id']}"
    page = Browser(exchange, "anna").get(path).text
    assert re.findall('<li class="(done|begun|open)">', page) == [
        *("done", "done", "done"),  # registered, listed, traded
        *("open", "begun", "done"),  # metered use is delivered and settled piece by piece
    ]
    assert "trail?about" not in page
    picture = page[page.index("<svg") : page.index("</svg>")]
    assert re.findall('<text class="kind"[^>]*>(.*?)<', picture) == ["buyer", "prepaid"]
    assert picture.count("¥10.00") == 3  # at the payer, on the line, at the receiver
    seen = Browser(exchange, "regulator").get(path).text
    assert f"/en/trail?about={places['trade_id']}" in seen
    assert Browser(exchange, "bole").get(path).status_code == 403


def test_the_regulator_searches_the_trail_and_follows_a_data_set(
    exchange: Exchange, places: dict[str, str]
) -> None:
    regulator = Browser(exchange, "regulator")
    page = regulator.get(f"/en/trail?about={places['trade_id']}&kind=TradeExecuted").text
    (position,) = re.findall('href="/en/trail/([0-9]+)"', page)
    assert "10,000 at most" in page
    assert places["trade_id"] in regulator.get(f"/en/trail/{position}").text
    listing_id = exchange.ok("anna", "GET", f"/v1/trades/{places['trade_id']}")["listing_id"]
    traced = regulator.get(f"/en/listings/{listing_id}/trace").text
    assert re.findall('<text class="kind"[^>]*>(.*?)<', traced) == [
        "data set", "listing", "trade", "grant",
    ]  # fmt: skip
    assert f"/en/grants/{places['grant_id']}" in traced
    of_others = Browser(exchange, "bole").get(f"/en/listings/{listing_id}/trace").text
    assert places["trade_id"] not in of_others
    assert Browser(exchange, "anna").get("/en/trail?about=x").text.count('role="search"') == 0


def test_facets_say_how_many_there_are(exchange: Exchange, places: dict[str, str]) -> None:
    counts = exchange.ok("", "GET", "/v1/listing-counts")
    free = sum(row["count"] for row in counts if row["mode"] == "free")
    page = Browser(exchange).get("/en/listings?field=meteorology").text
    assert f">free ({free})<" in page
    assert ">meteorology (" in page
    assert ">health care" not in page


def test_signing_in_keeps_the_token_from_scripts_and_out_of_addresses(exchange: Exchange) -> None:
    form = {"token": exchange.tokens["anna"], "next": "//evil.example/x"}
    answer = Browser(exchange).post("/zh/sign-in", form)
    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/zh/")
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in cookie.split(";")}
    wrong = Browser(exchange).post("/zh/sign-in", {"token": "dbt_wrong"})
    assert wrong.status_code == 401
    assert "dbt_wrong" not in wrong.text
    assert COOKIE not in wrong.headers.get("set-cookie", "")


def test_no_demo_picker_is_shown_by_a_market_of_its_own(exchange: Exchange) -> None:
    answer = Browser(exchange).post("/en/sign-in", {"name": "operator"})
    assert answer.status_code == 401
    assert 'name="name"' not in answer.text


def test_a_form_too_large_or_of_no_stated_size_is_not_read(exchange: Exchange) -> None:
    browser = Browser(exchange, "anna")
    large = browser.post("/en/sign-in", {"token": "x" * FORM_BYTES_MAX})
    assert large.status_code == 413


def test_the_root_is_a_page_for_browsers_and_json_for_programs(exchange: Exchange) -> None:
    page = Browser(exchange).get("/", **{"accept-language": "en"})
    assert (page.status_code, page.headers["location"]) == (302, "/en/")
    assert exchange.ok("", "GET", "/")["name"] == "databourse"


def test_what_is_not_there_is_said_with_a_page(exchange: Exchange) -> None:
    for path in ("/en/nowhere", "/en/listings/lst_nosuch", "/en/trail/x", "/en/auctions/../etc"):
        assert Browser(exchange, "operator").get(path).status_code == 404
