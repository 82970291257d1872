"""Tokens: who speaks, for how long, and for what; kept hashed, made again for a retry."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.parties import Role
from services.gateway.databases import edge_in
from services.gateway.edge_store import EdgeStore
from services.gateway.tokens import TOKENS_PER_PARTY_MAX, Principal, TokenStore
from tests.builders.exchange import ANY_USE, ENTRY, FREE, Exchange
from tests.builders.places import EMBEDDED, Place, only

SECRET = b"s" * 32


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    made.party("bole", "buyer")
    yield made
    made.close()


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def issue(market: Exchange, who: str, name: str = "", **wish):
    """Issue a token for `who` by itself, and let `name` speak with it."""
    path = f"/v1/parties/{market.ids[who]}/tokens"
    answer = market.call(who, "POST", path, {"role": "buyer", **wish})
    if name:
        market.tokens[name] = answer.json()["token"]
    return answer


def test_a_scope_opens_its_noun_and_kind_of_call_alone(market: Exchange) -> None:
    issue(market, "anna", "reader", scopes=["deals:read"])
    assert market.call("reader", "GET", "/v1/bids").status_code == 200
    assert code(market.call("reader", "GET", "/v1/grants")) == (403, "scope_missing")
    bid = market.call("reader", "POST", "/v1/auctions/auc_any/bids", {})
    assert code(bid) == (403, "scope_missing")
    assert "deals:write" in bid.json()["detail"]
    assert market.ok("reader", "GET", "/v1/me")["scopes"] == ["deals:read"]


def test_on_public_routes_a_token_without_the_scope_sees_what_everyone_sees(
    market: Exchange,
) -> None:
    issue(market, "seller", "narrow", role="supplier", scopes=["deals:read"])
    data_set_id = market.data_set("seller").json()["id"]
    draft = {"data_set_id": data_set_id, "entry": ENTRY, "offer": FREE, "grant_terms": ANY_USE}
    listing_id = market.ok("seller", "POST", "/v1/listings", draft)["id"]
    assert market.call("seller", "GET", f"/v1/listings/{listing_id}").status_code == 200
    hidden = market.call("narrow", "GET", f"/v1/listings/{listing_id}")
    assert code(hidden) == (401, "token_missing")
    assert market.call("narrow", "GET", "/v1/listings").status_code == 200


def test_nobody_gives_away_more_than_they_have(market: Exchange) -> None:
    issue(market, "anna", "issuer", scopes=["tokens:write", "deals:read"], lasts_ms=60_000)
    path = f"/v1/parties/{market.ids['anna']}/tokens"

    def wish(**wish):
        return market.call("issuer", "POST", path, {"role": "buyer", "lasts_ms": 1_000, **wish})

    assert wish(scopes=["deals:read"]).status_code == 201
    assert code(wish(scopes=["deals:write"])) == (403, "scope_missing")
    assert code(wish()) == (403, "scope_missing")
    assert code(wish(scopes=["deals:read"], lasts_ms=120_000)) == (403, "token_outlived")
    assert code(wish(scopes=["deals:read"], lasts_ms=None)) == (403, "token_outlived")
    assert code(wish(scopes=["deals:fly"])) == (422, "invalid_request")
    assert code(wish(scopes=["sugar:read"])) == (422, "scope_unknown")
    assert code(wish(scopes=["deals:read"], role="supplier")) == (422, "role_missing")


def test_tokens_are_listed_without_the_tokens_and_end_at_once_when_revoked(
    market: Exchange,
) -> None:
    issued = issue(market, "bole", "second").json()
    path = f"/v1/parties/{market.ids['bole']}/tokens"
    shown = market.call("bole", "GET", path)
    assert issued["id"] in [token["id"] for token in shown.json()["items"]]
    assert "dbt_" not in shown.text
    assert market.call("second", "GET", "/v1/me").status_code == 200
    assert market.call("bole", "DELETE", f"/v1/tokens/{issued['id']}").status_code == 204
    assert code(market.call("second", "GET", "/v1/me")) == (401, "token_invalid")
    (row,) = [row for row in market.ok("bole", "GET", path)["items"] if row["id"] == issued["id"]]
    assert row["revoked"] is True


def test_a_party_has_a_limited_number_of_valid_tokens(market: Exchange) -> None:
    market.party("eager", "buyer")
    while issue(market, "eager").status_code == 201:
        pass
    assert code(issue(market, "eager")) == (409, "too_many_tokens")
    path = f"/v1/parties/{market.ids['eager']}/tokens?limit=1000"
    items = market.ok("eager", "GET", path)["items"]
    assert len(items) == TOKENS_PER_PARTY_MAX
    market.ok("eager", "GET", "/v1/me")
    assert market.call("eager", "DELETE", f"/v1/tokens/{items[-1]['id']}").status_code == 204
    assert issue(market, "eager").status_code == 201


@only(EMBEDDED)  # on a cluster they are kept in the database: test_edge_on_postgres looks there
def test_no_token_is_kept_in_the_clear(market: Exchange) -> None:
    token = issue(market, "anna").json()["token"]
    folder = market.folder
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert len(kept) > 5
    assert [path.name for path in kept if token.encode() in path.read_bytes()] == []
    assert (folder / "keys" / "edge.key").stat().st_mode & 0o777 == 0o600


def test_a_retry_after_a_restart_gives_the_same_token(tmp_path: Path) -> None:
    path, wish = "/v1/parties/pty_operator/tokens", {"role": "operator", "lasts_ms": 60_000}
    first = Exchange(tmp_path)
    issued = first.ok("operator", "POST", path, wish, key="once")
    first.stop()
    again = Exchange(tmp_path)
    assert again.ok("operator", "POST", path, wish, key="once") == issued
    again.tokens["new"] = issued["token"]
    assert again.ok("new", "GET", "/v1/me")["token_id"] == issued["id"]
    again.stop()


def test_a_store_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "edge.sqlite3")
    old.execute(
        "CREATE TABLE tokens (hash TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
        "party_id TEXT NOT NULL, role TEXT NOT NULL, expires_at_ms INTEGER, "
        "revoked INTEGER NOT NULL DEFAULT 0) STRICT"
    )
    digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"  # of "1"
    old.execute("INSERT INTO tokens VALUES (?, 'tok_old', 'pty_a', 'buyer', NULL, 0)", (digest,))
    old.commit()
    old.close()
    edge = edge_in(tmp_path)
    found = asyncio.run(TokenStore(EdgeStore(edge), SECRET).principal("1", now_ms=5))
    assert found == Principal("pty_a", Role.BUYER, frozenset({"*"}), "tok_old", None)
    edge.close()
