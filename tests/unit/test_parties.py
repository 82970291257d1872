"""Parties from registration to suspension, and what their controllers keep them from."""

from typing import Any

import pytest

from schemas import commands as c
from schemas.base import Event
from schemas.parties import PartyKind, Role
from tests.builders.market import AT_AUCTION, FREE, METERED, OPERATOR, T0, Market, kinds


def about(market: Market, party_id: str) -> dict[str, Any]:
    return {"id": market.id(), "at_ms": T0, "party_id": party_id, "operator_id": OPERATOR}


def register(market: Market, party_id: str, controller_id: str | None = None) -> list[Event]:
    return market.say(
        c.RegisterParty(
            id=party_id,
            at_ms=T0,
            name="Anna",
            kind=PartyKind.PERSON,
            roles=(Role.BUYER,),
            controller_id=controller_id,
        )
    )


def verify(market: Market, party_id: str) -> list[Event]:
    proof = {"method": "identity card", "evidence": "file 7"}
    return market.say(c.VerifyParty(**about(market, party_id), **proof))


def approve(market: Market, party_id: str) -> list[Event]:
    return market.say(c.ApproveParty(**about(market, party_id)))


def suspend(market: Market, party_id: str) -> list[Event]:
    return market.say(c.SuspendParty(**about(market, party_id), reason="under inquiry"))


def resume(market: Market, party_id: str) -> list[Event]:
    return market.say(c.ResumeParty(**about(market, party_id)))


def change_controller(market: Market, party_id: str, controller_id: str | None) -> list[Event]:
    command = c.ChangeController(**about(market, party_id), controller_id=controller_id)
    return market.say(command)


def test_where_verification_is_required_an_unverified_party_is_not_approved() -> None:
    market = Market(verification_required=True)
    register(market, "pty_anna")
    assert approve(market, "pty_anna")[0].reason == "party_not_verified"
    (verified,) = verify(market, "pty_anna")
    assert (verified.method, verified.evidence) == ("identity card", "file 7")
    assert kinds(approve(market, "pty_anna"))[0] == "PartyApproved"
    assert kinds(verify(market, "pty_anna")) == ["PartyVerified"]


def test_where_it_is_not_required_approval_is_enough() -> None:
    market = Market()
    register(market, "pty_anna")
    assert kinds(approve(market, "pty_anna"))[0] == "PartyApproved"


def test_steps_on_a_party_that_is_not_there_or_not_ready_are_refused() -> None:
    market = Market()
    for step in (verify, approve, suspend, resume):
        assert step(market, "pty_nobody")[0].reason == "party_unknown"
    assert change_controller(market, "pty_nobody", None)[0].reason == "party_unknown"
    register(market, "pty_anna")
    assert register(market, "pty_anna") == []
    assert register(market, "pty_anna", "pty_other")[0].reason == "id_reused_with_other_content"
    assert suspend(market, "pty_anna")[0].reason == "party_not_approved"
    assert resume(market, "pty_anna")[0].reason == "party_not_suspended"
    approve(market, "pty_anna")
    assert approve(market, "pty_anna")[0].reason == "party_already_approved"
    suspend(market, "pty_anna")
    assert suspend(market, "pty_anna")[0].reason == "party_suspended"


def test_a_suspended_buyer_begins_nothing_new_until_resumed() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=10_000)
    free, metered = market.listing(seller, FREE), market.listing(seller, METERED)
    auction_id = market.auction(seller, market.listing(seller, AT_AUCTION))
    market.subscribe(metered, anna, 500)
    (grant_id,) = market.venue.settlement.grants
    assert kinds(suspend(market, anna)) == ["PartySuspended", "PartyAdmitted"]
    assert market.request(free, anna)[-1].reason == "party_suspended"
    assert market.subscribe(metered, anna, 500)[-1].reason == "party_suspended"
    assert kinds(market.bid(auction_id, anna, 5_000)) == ["FundsRefused", "BidRejected"]
    (refused,) = market.use(grant_id, anna)
    assert (refused.reason, refused.grant_id) == ("party_suspended", grant_id)
    assert kinds(resume(market, anna)) == ["PartyResumed", "PartyAdmitted"]
    assert kinds(market.use(grant_id, anna))[0] == "UsageRecorded"
    assert kinds(market.bid(auction_id, anna, 5_000))[-1] == "BidPlaced"
    assert kinds(market.request(free, anna))[-1] == "GrantIssued"


def test_what_a_suspended_party_holds_goes_on() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=10_000)
    auction_id = market.auction(seller, market.listing(seller, AT_AUCTION))
    market.bid(auction_id, anna, 5_000)
    suspend(market, anna)
    assert market.balance(f"{anna}/CNY/reserved") == 5_000
    assert "GrantIssued" in kinds(market.until(T0 + 3_600_000))
    out = {"at_ms": T0 + 3_600_000, "party_id": anna, "currency": "CNY", "amount_minor": 9_000}
    assert kinds(market.say(c.Withdraw(id="trf_out001", **out))) == ["TransferPosted"]


def test_a_suspended_supplier_lists_nothing_new() -> None:
    market = Market()
    seller = market.supplier()
    listing_id = market.listing(seller, AT_AUCTION)
    suspend(market, seller)
    market.auction(seller, listing_id)
    market.listing(seller, FREE)
    refused = [event for event, _ in market.log if type(event).__name__ == "RequestRefused"]
    assert [(event.command, event.reason) for event in refused[:3]] == [
        ("OpenAuction", "party_suspended"),
        ("RegisterDataSet", "party_suspended"),
        ("DraftListing", "party_suspended"),
    ]


def test_a_new_controller_keeps_the_party_from_bidding_and_its_leaving_lets_it_again() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=10_000)
    listing_id = market.listing(seller, FREE)
    assert kinds(change_controller(market, anna, seller)) == ["ControllerChanged", "PartyAdmitted"]
    assert market.request(listing_id, anna)[-1].reason == "controlled_body"
    change_controller(market, anna, OPERATOR)
    assert kinds(market.request(listing_id, anna))[-1] == "GrantIssued"  # no party of that id
    change_controller(market, anna, None)
    assert kinds(market.request(listing_id, anna))[-1] == "GrantIssued"


def test_a_suspension_outlives_a_change_of_controller() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna")
    suspend(market, anna)
    change_controller(market, anna, "pty_holding")
    assert market.request(market.listing(seller, FREE), anna)[-1].reason == "party_suspended"


def test_before_approval_a_change_of_controller_is_carried_by_the_approval() -> None:
    market = Market()
    register(market, "pty_anna")
    assert kinds(change_controller(market, "pty_anna", "pty_holding")) == ["ControllerChanged"]
    assert approve(market, "pty_anna")[0].controller_id == "pty_holding"


@pytest.mark.parametrize("controller", ["pty_mother", "pty_middle", "pty_daughter"])
def test_no_body_controls_itself_through_others(controller: str) -> None:
    market = Market()
    register(market, "pty_mother")
    register(market, "pty_middle", "pty_mother")
    register(market, "pty_daughter", "pty_middle")
    assert change_controller(market, "pty_mother", controller)[0].reason == "controller_invalid"
    assert kinds(change_controller(market, "pty_mother", "pty_elsewhere")) == ["ControllerChanged"]


def test_bodies_registered_as_each_others_controllers_lead_nowhere_round() -> None:
    market = Market()
    register(market, "pty_chicken", "pty_egg")
    register(market, "pty_egg", "pty_chicken")
    register(market, "pty_anna")
    assert kinds(change_controller(market, "pty_anna", "pty_egg")) == ["ControllerChanged"]
    assert change_controller(market, "pty_egg", "pty_chicken")[0].reason == "controller_invalid"


def test_a_party_is_registered_once_also_after_its_registration_is_forgotten() -> None:
    market = Market()
    register(market, "pty_anna")
    for hour in range(1, 4):
        market.until(T0 + hour * 3_600_000)
        market.deposit("pty_nobody", 1)
    late = {"at_ms": T0 + 3 * 3_600_000, "kind": PartyKind.PERSON, "roles": (Role.BUYER,)}
    (refused,) = market.say(c.RegisterParty(id="pty_anna", name="Another", **late))
    assert refused.reason == "party_exists"


def test_controllers_bodies_and_strangers_may_not_buy() -> None:
    market = Market()
    market.admit("pty_mother", Role.BUYER)
    seller = market.controlled("seller", "pty_mother", Role.SUPPLIER)
    sister = market.controlled("sister", "pty_mother")
    market.admit(OPERATOR, Role.OPERATOR)
    arm = market.controlled("arm", OPERATOR)
    listing_id = market.listing(seller, FREE)
    refused = {
        name: market.request(listing_id, name)[-1].reason
        for name in ("pty_mother", sister, arm, "pty_nobody", seller)
    }
    assert refused == {
        "pty_mother": "controlled_body",
        sister: "controlled_body",
        arm: "operator_may_not_trade",
        "pty_nobody": "party_not_approved",
        seller: "role_missing",
    }
