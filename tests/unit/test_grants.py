"""A grant's life between its issue and its end: who may do what to it, and when."""

from typing import Any

import pytest

from schemas import commands as c
from schemas.base import Event
from tests.builders.market import FREE, METERED, OPERATOR, T0, Market, kinds


class Metered(Market):
    """One metered grant of anna's with 200 prepaid; a unit costs 50."""

    def __init__(self, **terms: Any) -> None:
        super().__init__()
        self.seller, self.anna = self.supplier(), self.buyer("anna", money=1_000)
        self.bole = self.buyer("bole", money=1_000)
        self.subscribe(self.listing(self.seller, METERED, **terms), self.anna, 200)
        (self.grant_id,) = self.venue.settlement.grants

    def about(self, grant_id: str | None) -> dict[str, Any]:
        return {"id": self.id(), "at_ms": T0, "grant_id": grant_id or self.grant_id}

    def suspend(self, grant_id: str | None = None, reason: str = "check") -> list[Event]:
        command = c.SuspendGrant(operator_id=OPERATOR, reason=reason, **self.about(grant_id))
        return self.say(command)

    def resume(self, grant_id: str | None = None) -> list[Event]:
        return self.say(c.ResumeGrant(operator_id=OPERATOR, **self.about(grant_id)))

    def revoke(self, grant_id: str | None = None) -> list[Event]:
        command = c.RevokeGrant(operator_id=OPERATOR, reason="breach", **self.about(grant_id))
        return self.say(command)

    def end(self, by: str, grant_id: str | None = None) -> list[Event]:
        return self.say(c.EndGrant(buyer_id=by, **self.about(grant_id)))

    def top_up(self, amount: int, grant_id: str | None = None, **changes: Any) -> list[Event]:
        money = {"buyer_id": self.anna, "currency": "CNY", "amount_minor": amount, **changes}
        return self.say(c.TopUpGrant(**self.about(grant_id), **money))


def test_steps_on_a_grant_that_is_not_there_are_refused() -> None:
    market = Metered()
    for step in (market.suspend, market.resume, market.revoke):
        assert step("grt_none")[0].reason == "grant_unknown"
    assert market.end(market.anna, "grt_none")[0].reason == "grant_unknown"
    assert market.top_up(1, "grt_none")[0].reason == "grant_unknown"


def test_an_operator_may_not_suspend_with_the_reason_that_a_top_up_ends() -> None:
    market = Metered()
    assert market.suspend(reason="prepaid_exhausted")[0].reason == "reason_reserved"
    assert market.use(market.grant_id, market.anna)[0].id


def test_a_suspended_grant_is_not_used_and_not_suspended_again_until_resumed() -> None:
    market = Metered()
    assert market.resume()[0].reason == "grant_not_suspended"
    (suspended,) = market.suspend()
    assert (suspended.reason, suspended.buyer_id) == ("check", market.anna)
    assert market.suspend()[0].reason == "grant_suspended"
    (refused,) = market.use(market.grant_id, market.anna)
    assert (refused.reason, refused.detail) == ("grant_suspended", "check")
    (resumed,) = market.resume()
    assert (resumed.grant_id, resumed.buyer_id) == (market.grant_id, market.anna)
    assert kinds(market.use(market.grant_id, market.anna)) == ["UsageRecorded", "UsageCharged"]


def test_a_top_up_resumes_what_ran_out_but_not_what_the_operator_suspended() -> None:
    market = Metered()
    assert kinds(market.use(market.grant_id, market.anna, 5)) == ["UsageRefused", "GrantSuspended"]
    assert kinds(market.top_up(1)) == ["TransferPosted", "GrantResumed"]
    market.use(market.grant_id, market.anna, 5)
    assert kinds(market.suspend()) == ["GrantSuspended"]
    assert kinds(market.top_up(49)) == ["TransferPosted"]
    assert market.use(market.grant_id, market.anna)[0].reason == "grant_suspended"
    market.resume()
    assert kinds(market.use(market.grant_id, market.anna, 5)) == ["UsageRecorded", "UsageCharged"]
    assert market.balance(f"{market.grant_id}/CNY/prepaid") == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"buyer_id": "pty_bole"}, "not_owner"),
        ({"currency": "USD"}, "currency_mismatch"),
        ({"amount_minor": 801}, "insufficient_funds"),
    ],
)
def test_a_top_up_that_does_not_fit_is_refused(changes: dict[str, Any], reason: str) -> None:
    market = Metered()
    (refused,) = market.top_up(1, **changes)
    assert refused.reason == reason
    assert market.balance(f"{market.grant_id}/CNY/prepaid") == 200
    assert kinds(market.top_up(800)) == ["TransferPosted"]


def test_a_grant_without_a_tariff_takes_no_top_up() -> None:
    market = Metered()
    (_, _, issued) = market.request(market.listing(market.seller, FREE), market.anna)
    assert market.top_up(1, issued.id)[0].reason == "grant_not_metered"


def test_only_its_buyer_gives_a_grant_back_and_gets_the_rest() -> None:
    market = Metered()
    market.use(market.grant_id, market.anna)
    assert market.end(market.bole)[0].reason == "not_owner"
    ended, returned = market.end(market.anna)
    assert (ended.reason, ended.buyer_id) == ("given_back", market.anna)
    assert [(leg.account, leg.amount_minor) for leg in returned.legs] == [
        (f"{market.grant_id}/CNY/prepaid", -150),
        (f"{market.anna}/CNY/available", 150),
    ]
    assert market.end(market.anna)[0].reason == "grant_unknown"


def test_the_operator_revokes_and_the_buyer_gets_the_rest() -> None:
    market = Metered()
    ended, returned = market.revoke()
    assert (ended.reason, returned.legs[1].amount_minor) == ("breach", 200)


def test_nothing_left_is_nothing_returned() -> None:
    market = Metered()
    market.use(market.grant_id, market.anna, 4)
    assert kinds(market.revoke()) == ["GrantRevoked"]
    (_, _, issued) = market.request(market.listing(market.seller, FREE), market.anna)
    assert kinds(market.revoke(issued.id)) == ["GrantRevoked"]


def test_a_use_is_paid_up_to_the_last_unit_of_the_budget() -> None:
    market = Metered()
    market.use(market.grant_id, market.anna, 3)
    assert market.use(market.grant_id, market.anna, 2)[0].reason == "prepaid_exhausted"
    market.resume()
    assert kinds(market.use(market.grant_id, market.anna)) == ["UsageRecorded", "UsageCharged"]


def test_a_top_up_that_cannot_be_paid_resumes_nothing() -> None:
    market = Metered()
    market.use(market.grant_id, market.anna, 5)
    (refused,) = market.top_up(801)
    assert refused.reason == "insufficient_funds"
    assert market.use(market.grant_id, market.anna)[0].reason == "grant_suspended"
