"""What the edge refuses before any route sees it, and what a caller is told of quotas."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.app import create_app
from services.gateway.guard import BODY_BYTES_MAX
from services.gateway.rate_limit import Quota
from services.gateway.settings import EdgeSettings
from services.gateway.strict_json import DEPTH_MAX
from tests.builders.exchange import Exchange


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    made = Exchange(tmp_path_factory.mktemp("market"))
    made.party("anna", "buyer")
    yield made
    made.close()


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def limited(market: Exchange, **settings: Any) -> TestClient:
    return TestClient(create_app(market.process.exchange, EdgeSettings(**settings)))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_burst_gets_the_quota_exactly_and_the_rest_is_told_to_wait(market: Exchange) -> None:
    http = limited(market, party=Quota(20, 600))
    answers = [http.get("/v1/me", headers=bearer(market.tokens["anna"])) for _ in range(50)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 30
    for number, answer in enumerate(answers):
        assert answer.headers["RateLimit-Policy"] == '"party";q=20;w=600'
        assert re.fullmatch(rf'"party";r={max(0, 19 - number)};t=\d+', answer.headers["RateLimit"])
    assert code(answers[-1]) == (429, "too_many_calls")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 650
    assert http.get("/v1/me", headers=bearer(market.tokens["operator"])).status_code == 200
    assert http.get("/v1/venue").status_code == 200


def test_every_token_of_a_party_draws_on_the_same_quota(market: Exchange) -> None:
    path = f"/v1/parties/{market.ids['anna']}/tokens"
    second = market.ok("anna", "POST", path, {"role": "buyer"})["token"]
    http = limited(market, party=Quota(2, 600))
    tokens = [market.tokens["anna"], second, second]
    statuses = [http.get("/v1/me", headers=bearer(token)).status_code for token in tokens]
    assert statuses == [200, 200, 429]


def test_who_does_not_speak_and_who_guesses_have_quotas_of_their_own(market: Exchange) -> None:
    http = limited(market, address=Quota(3, 600), failed=Quota(2, 600))
    assert [http.get("/v1/venue").status_code for _ in range(4)] == [200, 200, 200, 429]
    guesses = [http.get("/v1/me", headers=bearer("dbt_guess")) for _ in range(4)]
    assert [answer.status_code for answer in guesses] == [401, 401, 429, 429]
    assert http.get("/v1/me", headers=bearer(market.tokens["anna"])).status_code == 200


BID = b'{"currency": "CNY", "max_price_minor": 5}'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "not the JSON"),
        (b"\xff\xfe", "utf-8"),
        (b"\xed\xa0\x80", "utf-8"),
        (b'{"currency": "\\ud800"}', "surrogates"),
        (b'{"currency": NaN}', "NaN is not a JSON number"),
        (b'{"currency": -Infinity}', "-Infinity is not"),
        (b'{"currency": "CNY", "currency": "USD"}', "'currency' stands twice"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' stands twice"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "deeper than 64"),
        (b"[" * 10_000 + b"]" * 10_000, "deeper than 64"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deeper than 64"),
        (b"[" * 100_000, "deeper than 64"),
        (b'{"max_price_minor": ' + b"9" * 5_000 + b"}", "digit"),
        (b"{} {}", "Extra data"),
        (b"\xef\xbb\xbf{}", "BOM"),
    ],
)
def test_what_is_no_plain_json_is_told_so(market: Exchange, body: bytes, told: str) -> None:
    answer = post(market, "/v1/auctions/auc_any/bids", body)
    assert code(answer) == (400, "malformed_json")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_body_of_another_kind_is_not_taken(market: Exchange, media_type: str) -> None:
    answer = post(market, "/v1/auctions/auc_any/bids", BID, media_type)
    assert code(answer) == (415, "media_type_not_taken")
    assert answer.headers["accept"] == "application/json"


def post(
    market: Exchange, path: str, body: Any, media_type: str = "application/json; charset=utf-8"
) -> Any:
    headers = {**bearer(market.tokens["anna"]), "Idempotency-Key": "k", "Content-Type": media_type}
    return market.http.post(path, content=body, headers=headers)


def test_as_deep_as_is_taken_is_taken(market: Exchange) -> None:
    deep = b"[" * DEPTH_MAX + b"]" * DEPTH_MAX
    assert code(post(market, "/v1/auctions/auc_any/bids", deep)) == (422, "invalid_request")


def test_a_body_without_a_stated_length_has_the_same_limit(market: Exchange) -> None:
    pieces = (b" " * 65_536 for _ in range(BODY_BYTES_MAX // 65_536 + 1))
    answer = post(market, "/v1/auctions/auc_any/bids", pieces)
    assert code(answer) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/auctions/" + "a" * 5_000, (414, "url_too_long")),
        ("/v1/listings?status=" + "a" * 5_000, (414, "url_too_long")),
        ("/v1/auctions/" + "a" * 65, (404, "not_found")),
        ("/v1/auctions/a", (404, "not_found")),
        ("/v1/auctions/auc_%00%00%00", (404, "not_found")),
        ("/v1/auctions/auc_%ff%fe%fd", (404, "not_found")),
        ("/v1/auctions/%2e%2e%2f%2e%2e", (404, "not_found")),
        ("/v1/listings?colour=red", (422, "invalid_request")),
        ("/v1/listings?limit=%ff", (422, "invalid_request")),
    ],
)
def test_an_odd_address_gets_a_clear_answer(
    market: Exchange, path: str, expected: tuple[int, str]
) -> None:
    assert code(market.http.get(path)) == expected


def test_a_long_head_is_refused(market: Exchange) -> None:
    many = {f"X-{number}": "a" * 100 for number in range(400)}
    assert code(market.http.get("/v1/venue", headers=many)) == (431, "head_too_large")


@pytest.mark.parametrize("key", ["", "a" * 201, "\t", "schlüssel".encode("latin-1")])
def test_an_odd_key_is_refused(market: Exchange, key: Any) -> None:
    headers = {**bearer(market.tokens["anna"]), "Idempotency-Key": key}
    headers["Content-Type"] = "application/json"
    answer = market.http.post("/v1/auctions/auc_any/bids", content=BID, headers=headers)
    assert code(answer) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize("scheme", ["Basic", "bearer,", "", "Bearer\t"])
def test_another_scheme_than_bearer_is_no_token(market: Exchange, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {market.tokens['anna']}"}
    assert code(market.http.get("/v1/me", headers=headers)) == (401, "token_invalid")


@pytest.mark.parametrize("path", ["/v1/auctions/auc_any/bids", "/v1/data-sets"])
def test_a_body_that_does_not_come_is_not_waited_for(market: Exchange, path: str) -> None:
    """From a client that sends one byte and stops."""
    app = create_app(market.process.exchange, EdgeSettings(body_s=0.01))
    supplier = market.party(f"seller of {len(path)}", "supplier")
    who = "anna" if "bids" in path else f"seller of {len(path)}"
    assert supplier
    sent: list[Any] = []
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()
        return pieces.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    head = {
        "authorization": f"Bearer {market.tokens[who]}",
        "idempotency-key": "k",
        "content-type": "text/csv",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"title=Rain" if "data" in path else b"",
        "headers": [(name.encode(), value.encode()) for name, value in head.items()],
        "client": ("192.0.2.1", 1),
        "server": ("192.0.2.2", 80),
        "state": {},
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408
    assert dict(sent[0]["headers"])[b"connection"] == b"close"
    assert json.loads(sent[1]["body"])["type"] == "/problems/body_too_slow"


def test_every_answer_is_marked_and_not_kept(market: Exchange) -> None:
    for path in ("/v1/venue", "/v1/nothing", "/v1/me"):
        answer = market.http.get(path)
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["Request-Id"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_store_of_tokens_that_fails_is_told_and_nobody_is_let_in(market: Exchange) -> None:
    class Broken:
        async def principal(self, token: str, now_ms: int) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    http = TestClient(create_app(replace(market.process.exchange, tokens=Broken())))
    answer = http.get("/v1/me", headers=bearer(market.tokens["anna"]))
    assert code(answer) == (503, "storage_unavailable")
    assert "disk" not in answer.text


def test_the_page_of_the_interface_loads_from_here_alone(market: Exchange) -> None:
    page = market.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    sources = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(sources) == 3
    for source in sources:
        answer = market.http.get(source)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-cache"
    assert code(market.http.get("/static/../pyproject.toml")) == (404, "not_found")
    assert code(market.http.get("/static/%2e%2e/%2e%2e/pyproject.toml")) == (404, "not_found")
