"""Signed grants over HTTP and on the command line: status lists, keys, the offline check."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from services.commands import grant as grant_command
from services.commands import keys as keys_command
from services.credentials.status import is_set
from services.gateway.databases import READ_MODELS_NAME
from tests.builders.exchange import FREE, METERED, Exchange
from tests.builders.places import Place

LIST_TRIES = 100


@pytest.fixture(scope="module")
def market(place: Place) -> Iterator[Exchange]:
    made = place.market()
    made.party("seller", "supplier")
    made.party("anna", "buyer", money=1_000_000)
    yield made
    made.close()


def free_grant(market: Exchange, terms: dict | None = None) -> str:
    policy = {"policy": {"permissions": [{"action": "use"}]}, **(terms or {})}
    listing_id = market.listing("seller", FREE, policy)
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/access-requests", {})
    return str(trade["grant_id"])


def credential(market: Exchange, grant_id: str) -> str:
    answer = market.call("anna", "GET", f"/v1/grants/{grant_id}/credential")
    assert answer.headers["content-type"] == "application/vc+jwt"
    return str(answer.text)


def body_of(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def list_text(market: Exchange, purpose: str) -> str:
    answer = market.call("", "GET", f"/v1/status-lists/{purpose}/0")
    assert answer.headers["content-type"] == "application/vc+jwt"
    return str(answer.text)


def bit(market: Exchange, purpose: str, grant_id: str) -> bool:
    entry = next(
        entry
        for entry in body_of(credential(market, grant_id))["credentialStatus"]
        if entry["statusPurpose"] == purpose
    )
    listed = body_of(list_text(market, purpose))
    assert listed["id"] == entry["statusListCredential"]
    return is_set(listed["credentialSubject"]["encodedList"], int(entry["statusListIndex"]))


def becomes(market: Exchange, purpose: str, grant_id: str, wanted: bool) -> bool:
    """A list is signed again when it is a second old."""
    for _ in range(LIST_TRIES):
        if bit(market, purpose, grant_id) is wanted:
            return True
        time.sleep(0.05)
    return False


def take_along(market: Exchange, folder: Path) -> None:
    """Keep what a check needs of the market: its keys and its name."""
    (folder / "keys.json").write_text(market.call("", "GET", "/v1/keys").text)
    (folder / "issuer.txt").write_text(market.ok("", "GET", "/v1/venue")["issuer"])


def verify(folder: Path, token: str, *lists: str, more: tuple[str, ...] = ()):
    (folder / "grant.jwt").write_text(token)
    issuer = (folder / "issuer.txt").read_text()
    words = [str(folder / "grant.jwt"), "--key", str(folder / "keys.json"), "--issuer", issuer]
    words += more
    for number, text in enumerate(lists):
        (folder / f"list-{number}.jwt").write_text(f"{text}\n")
        words += ["--status-list", str(folder / f"list-{number}.jwt")]
    return CliRunner().invoke(grant_command.app, ["verify", *words])


def test_suspension_and_revocation_are_seen_by_delivery_at_once_and_by_the_lists(
    market: Exchange,
) -> None:
    grant_id = free_grant(market)
    path = f"/v1/grants/{grant_id}"
    assert market.call("anna", "POST", f"{path}/deliveries", {}).is_success
    assert becomes(market, "suspension", grant_id, False)
    market.ok("operator", "POST", f"{path}/suspension", {"reason": "inquiry"})
    assert not market.call("anna", "POST", f"{path}/deliveries", {}).is_success
    assert becomes(market, "suspension", grant_id, True)
    market.ok("operator", "POST", f"{path}/resumption")
    assert market.call("anna", "POST", f"{path}/deliveries", {}).is_success
    assert becomes(market, "suspension", grant_id, False)
    assert bit(market, "revocation", grant_id) is False
    market.ok("operator", "POST", f"{path}/revocation", {"reason": "breach"})
    assert not market.call("anna", "POST", f"{path}/deliveries", {}).is_success
    assert becomes(market, "revocation", grant_id, True)


def test_every_ending_of_a_grant_is_in_the_list_of_ended_ones(market: Exchange) -> None:
    given_back, live = free_grant(market), free_grant(market)
    market.ok("anna", "POST", f"/v1/grants/{given_back}/end")
    once = {"left_operand": "count", "operator": "lteq", "right_operand": 1}
    exhausted = free_grant(
        market, {"policy": {"permissions": [{"action": "use", "constraints": [once]}]}}
    )
    market.ok("anna", "POST", f"/v1/grants/{exhausted}/usage", {"quantity": 1})
    expired = free_grant(market, {"lasts_ms": 1})
    for grant_id in (given_back, exhausted, expired):
        assert becomes(market, "revocation", grant_id, True)
    assert bit(market, "revocation", live) is False


def test_indexes_are_in_the_order_of_issue_also_when_the_read_models_are_made_again(
    tmp_path: Path,
) -> None:
    def indexes(market: Exchange) -> dict[str, int]:
        rows = market.ok("operator", "GET", "/v1/grants?limit=1000")["items"]
        return {row["id"]: row["status_index"] for row in rows}

    first = Exchange(tmp_path)
    first.party("seller", "supplier")
    first.party("anna", "buyer", money=1_000_000)
    issued = [free_grant(first) for _ in range(3)]
    first.ok("anna", "POST", f"/v1/grants/{issued[0]}/end")
    known = indexes(first)
    first.stop()  # the market of this module goes on beside it
    assert known == {grant_id: number for number, grant_id in enumerate(issued)}
    for path in tmp_path.glob(f"{READ_MODELS_NAME}*"):
        path.unlink()
    second = Exchange(tmp_path)
    assert indexes(second) == known
    second.stop()


def test_there_is_no_list_before_a_grant_is_in_it(market: Exchange) -> None:
    assert market.call("", "GET", "/v1/status-lists/revocation/1").status_code == 404
    assert market.call("", "GET", "/v1/status-lists/other/0").status_code == 422
    assert market.call("", "GET", f"/v1/status-lists/revocation/{10**30}").status_code == 422


def test_the_command_checks_a_grant_offline(market: Exchange, tmp_path: Path) -> None:
    take_along(market, tmp_path)
    grant_id = free_grant(market)
    token = credential(market, grant_id)
    assert becomes(market, "revocation", grant_id, False)
    lists = [list_text(market, purpose) for purpose in ("revocation", "suspension")]
    right = verify(tmp_path, token, *lists, more=("--json",))
    assert right.exit_code == 0, right.output
    told = json.loads(right.output)
    assert told["valid"] is True
    assert told["status"] == {"revocation": "clear", "suspension": "clear"}
    assert told["credential"]["id"] == f"urn:databourse:{grant_id}"
    unchecked = verify(tmp_path, token)
    assert unchecked.exit_code == 0
    assert "revocation: not checked" in unchecked.output
    early = verify(tmp_path, token, more=("--at", "2020-01-01"))
    assert early.exit_code == 1
    assert "is valid only from" in early.output
    market.ok("anna", "POST", f"/v1/grants/{grant_id}/end")
    assert becomes(market, "revocation", grant_id, True)
    ended = verify(tmp_path, token, list_text(market, "revocation"))
    assert ended.exit_code == 1
    assert "wrong: the grant has ended" in ended.output
    forged = verify(tmp_path, token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:])
    assert forged.exit_code == 1
    assert "none of the given keys" in forged.output
    (tmp_path / "keys.json").write_text(market.ok("", "GET", "/v1/venue")["grant_key"])
    assert verify(tmp_path, token).exit_code == 0
    (tmp_path / "keys.json").write_text("nonsense")
    assert "neither a PEM public key" in str(verify(tmp_path, token).exception)
    assert "cannot be read" in str(
        CliRunner().invoke(grant_command.app, ["verify", "no.jwt", "--key", "no.pem"]).exception
    )


def test_a_key_rotated_beside_the_running_market_signs_from_then_on(
    market: Exchange, tmp_path: Path
) -> None:
    grant_id = free_grant(market)
    before = credential(market, grant_id)
    data = str(market.folder)
    secrets = [
        line
        for path in (market.folder / "keys" / "grants").glob("*.key")
        for line in path.read_text().splitlines()
        if not line.startswith("-----")
    ]
    rotated = CliRunner().invoke(keys_command.app, ["rotate", "--data", data, "--json"])
    assert rotated.exit_code == 0, rotated.output
    shown = CliRunner().invoke(keys_command.app, ["list", "--data", data])
    assert "retired, its grants still verify" in shown.output
    after = credential(market, grant_id)
    kids = [jwt.get_unverified_header(token)["kid"] for token in (after, before)]
    assert [key["kid"] for key in json.loads(rotated.output)["keys"]][:2] == kids
    published = market.call("", "GET", "/v1/keys")
    assert published.headers["content-type"] == "application/jwk-set+json"
    assert [key["kid"] for key in published.json()["keys"]][:2] == kids
    take_along(market, tmp_path)
    for token in (before, after):
        assert verify(tmp_path, token).exit_code == 0
    for secret in secrets:
        assert secret not in rotated.output + shown.output + published.text
    assert len(list((market.folder / "keys" / "grants").glob("*.key"))) == 1


def test_a_grant_that_outlives_the_calendar_has_no_end_in_its_credential(market: Exchange) -> None:
    far = {"left_operand": "dateTime", "operator": "lt", "right_operand": 2**53 - 1}
    policy = {"permissions": [{"action": "use", "constraints": [far]}]}
    grant_id = free_grant(market, {"policy": policy, "lasts_ms": 2**53 - 1})
    assert "validUntil" not in body_of(credential(market, grant_id))


def test_metered_grants_carry_a_status_too(market: Exchange) -> None:
    listing_id = market.listing("seller", METERED)
    budget = {"currency": "CNY", "budget_minor": 100}
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/subscriptions", budget)
    found = body_of(credential(market, trade["grant_id"]))["credentialStatus"]
    assert [entry["statusPurpose"] for entry in found] == ["revocation", "suspension"]
