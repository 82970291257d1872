"""Who may do what: every role on every operation, with its own, another's, and what is not there.

A new route needs a row in `ROWS`: the statuses its callers get, in the order (own, other's, not
there). `seen_by_all` is what operator and regulator get, where it differs from the traders.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from schemas.parties import Role
from services.gateway.access import ACCESS, PUBLIC, SEES_ALL
from tests.builders.operations import MUTATING, OPERATIONS, SPEAKERS, World, operation_name, send

Statuses = tuple[int, int, int]
WHOSE = ("own", "other", "missing")
HELD_BY_ALL = ("{party_id}", "{token_id}", "{webhook_id}")  # what a third party can own, too


class Row(NamedTuple):
    own: int
    other: int
    missing: int
    seen_by_all: Statuses | None = None
    of: dict[Role, Statuses] = {}


SAME = Row(200, 200, 200)  # nothing in it belongs to anybody
FOUND = Row(200, 200, 404)
OWNED = Row(200, 403, 404, (200, 200, 404))
OF_PARTY = Row(200, 403, 403, (200, 200, 404))
OWN_STEP = Row(200, 403, 404)
HOUSE_STEP = Row(200, 200, 404)  # the operator's, on anybody's
OWN_STEP_TOO_EARLY = Row(409, 403, 404)
HOUSE_STEP_TOO_EARLY = Row(409, 409, 404)  # allowed, and refused for where the thing stands

ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/"): SAME,
    ("GET", "/healthz"): SAME,
    ("GET", "/readyz"): SAME,
    ("GET", "/v1/access-requests"): SAME,
    ("GET", "/v1/access-requests/{access_id}"): OWNED,
    ("POST", "/v1/access-requests/{access_id}/answer"): OWN_STEP_TOO_EARLY,
    ("POST", "/v1/access-requests/{access_id}/challenge"): OWN_STEP_TOO_EARLY,
    ("POST", "/v1/access-requests/{access_id}/decision"): OWN_STEP_TOO_EARLY,
    ("POST", "/v1/access-requests/{access_id}/evaluation"): OWN_STEP_TOO_EARLY,
    ("POST", "/v1/access-requests/{access_id}/review"): HOUSE_STEP,
    ("POST", "/v1/access-requests/{access_id}/subscription"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/access-requests/{access_id}/withdrawal"): OWN_STEP,
    ("GET", "/v1/alerts"): SAME,
    ("GET", "/v1/auctions"): SAME,
    ("GET", "/v1/auctions/{auction_id}"): FOUND,
    ("GET", "/v1/auctions/{auction_id}/bids"): FOUND,
    ("POST", "/v1/auctions/{auction_id}/bids"): Row(200, 200, 409),
    ("POST", "/v1/auctions/{auction_id}/cancellation"): Row(200, 200, 409),
    ("POST", "/v1/auctions/{auction_id}/extension"): Row(200, 200, 409),
    ("POST", "/v1/auctions/{auction_id}/withdrawal"): Row(200, 403, 409),
    ("GET", "/v1/audit/consistency"): SAME,
    ("GET", "/v1/audit/entries"): SAME,
    ("GET", "/v1/audit/entries/{position}"): Row(200, 200, 422),
    ("GET", "/v1/audit/head"): SAME,
    ("GET", "/v1/audit/trial-balance"): SAME,
    ("GET", "/v1/bids"): SAME,
    ("GET", "/v1/bids/{bid_id}"): OWNED,
    ("GET", "/v1/calendar"): SAME,
    ("POST", "/v1/calendar"): SAME,
    ("GET", "/v1/commands/{command_id}"): FOUND,
    ("POST", "/v1/data-sets"): SAME,
    ("GET", "/v1/data-sets/{data_set_id}"): FOUND,
    ("GET", "/v1/data-sets/{data_set_id}/revisions"): FOUND,
    ("POST", "/v1/data-sets/{data_set_id}/revisions"): OWN_STEP,
    ("GET", "/v1/data-sets/{data_set_id}/sample"): FOUND,
    ("GET", "/v1/escalations"): SAME,
    ("GET", "/v1/index"): SAME,
    ("GET", "/v1/statistics/deals"): SAME,
    ("GET", "/v1/statistics/use"): SAME,
    ("GET", "/v1/grants"): SAME,
    ("GET", "/v1/grants/{grant_id}"): OWNED,
    ("GET", "/v1/grants/{grant_id}/credential"): OWNED,
    ("POST", "/v1/grants/{grant_id}/deliveries"): OWN_STEP,
    ("GET", "/v1/grants/{grant_id}/deliveries/{usage_id}"): OWN_STEP,
    ("POST", "/v1/grants/{grant_id}/end"): OWN_STEP,
    ("POST", "/v1/grants/{grant_id}/refunds"): Row(409, 409, 409),
    ("POST", "/v1/grants/{grant_id}/resumption"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/grants/{grant_id}/revocation"): HOUSE_STEP,
    ("POST", "/v1/grants/{grant_id}/suspension"): HOUSE_STEP,
    ("POST", "/v1/grants/{grant_id}/top-ups"): OWN_STEP,
    ("GET", "/v1/grants/{grant_id}/usage"): OWNED,
    ("POST", "/v1/grants/{grant_id}/usage"): OWN_STEP,
    ("GET", "/v1/keys"): SAME,
    ("GET", "/v1/listings"): SAME,
    ("POST", "/v1/listings"): OWN_STEP,
    ("GET", "/v1/listing-counts"): SAME,
    ("GET", "/v1/listings/{listing_id}"): FOUND,
    ("GET", "/v1/listings/{listing_id}/quote"): Row(422, 422, 404),  # what is free has no tariff
    ("POST", "/v1/listings/{listing_id}/access-requests"): HOUSE_STEP,
    ("POST", "/v1/listings/{listing_id}/amendment"): OWN_STEP,
    ("POST", "/v1/listings/{listing_id}/auctions"): Row(409, 403, 404),
    ("POST", "/v1/listings/{listing_id}/resumption"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/listings/{listing_id}/review"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/listings/{listing_id}/submission"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/listings/{listing_id}/subscriptions"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/listings/{listing_id}/suspension"): HOUSE_STEP,
    ("POST", "/v1/listings/{listing_id}/withdrawal"): OWN_STEP,
    ("GET", "/v1/me"): SAME,
    ("GET", "/v1/parties"): SAME,
    ("POST", "/v1/parties"): SAME,
    ("GET", "/v1/parties/{party_id}"): OF_PARTY,
    ("POST", "/v1/parties/{party_id}/approval"): HOUSE_STEP_TOO_EARLY,
    ("GET", "/v1/parties/{party_id}/balances"): Row(200, 403, 403, (200, 200, 200)),
    ("PUT", "/v1/parties/{party_id}/controller"): HOUSE_STEP,
    ("POST", "/v1/parties/{party_id}/deposits"): HOUSE_STEP,
    ("POST", "/v1/parties/{party_id}/resumption"): HOUSE_STEP_TOO_EARLY,
    ("POST", "/v1/parties/{party_id}/suspension"): HOUSE_STEP,
    ("POST", "/v1/parties/{party_id}/verification"): HOUSE_STEP,
    ("GET", "/v1/parties/{party_id}/statement"): Row(200, 403, 403, (200, 200, 200)),
    ("GET", "/v1/parties/{party_id}/tokens"): OF_PARTY,
    ("POST", "/v1/parties/{party_id}/tokens"): Row(
        201, 403, 403, of={Role.OPERATOR: (201, 201, 404)}
    ),
    ("POST", "/v1/parties/{party_id}/withdrawals"): Row(200, 403, 403),
    ("DELETE", "/v1/tokens/{token_id}"): Row(204, 403, 404, of={Role.OPERATOR: (204, 204, 404)}),
    ("GET", "/v1/status-lists/{purpose}/{number}"): Row(200, 200, 422),
    ("GET", "/v1/trades"): SAME,
    ("GET", "/v1/trades/{trade_id}"): OWNED,
    ("GET", "/v1/trades/{trade_id}/transfers"): OWNED,
    ("GET", "/v1/venue"): SAME,
    ("GET", "/v1/webhooks"): SAME,
    ("POST", "/v1/webhooks"): Row(201, 201, 201),
    ("GET", "/v1/webhooks/{webhook_id}"): OWNED,
    ("DELETE", "/v1/webhooks/{webhook_id}"): Row(204, 403, 404),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): OWNED,
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{message_id}/redelivery"): OWN_STEP,
    ("POST", "/v1/webhooks/{webhook_id}/pings"): OWN_STEP,
    ("POST", "/v1/webhooks/{webhook_id}/resumption"): OWN_STEP,
    ("POST", "/v1/webhooks/{webhook_id}/secret"): OWN_STEP,
    ("POST", "/v1/venue/payouts"): Row(402, 402, 402),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


def test_every_operation_has_a_row() -> None:
    assert set(ROWS) == set(OPERATIONS)


def expected(operation: tuple[str, str], role: Role | None) -> Statuses:
    allowed, row = ACCESS[operation], ROWS[operation]
    if role is None and allowed is not PUBLIC:
        return (401, 401, 401)
    if role is not None and allowed is not PUBLIC and role not in allowed:
        return (403, 403, 403)
    if role in row.of:
        return row.of[role]
    if role in SEES_ALL and row.seen_by_all:
        return row.seen_by_all
    if role is Role.THIRD_PARTY and not any(name in operation[1] for name in HELD_BY_ALL):
        return (row.other, row.other, row.missing)
    return row[:3]


@pytest.mark.parametrize("operation", OPERATIONS, ids=operation_name)
def test_each_role_gets_what_the_tables_say(world: World, operation: tuple[str, str]) -> None:
    found: dict[str, Statuses] = {}
    wanted: dict[str, Statuses] = {}
    for role in (*Role, None):
        speaker = "" if role is None else SPEAKERS[role]
        changes = operation[0] != "GET" and role in ACCESS[operation]
        things = [world.subjects(speaker or "anna", whose, fresh=changes) for whose in WHOSE]
        statuses = [send(world, speaker, operation, thing).status_code for thing in things]
        found[role or "nobody"] = tuple(statuses)
        wanted[role or "nobody"] = expected(operation, role)
    assert found == wanted


def test_whoever_changes_something_must_speak() -> None:
    """The guard refuses the others before it reads what they send."""
    assert not [operation for operation in MUTATING if ACCESS[operation] is PUBLIC]
