"""Conditional access: who acts when, what a missed deadline means, and how it ends."""

import msgspec
import pytest

from market import access, matching
from market.calendar import WEEKENDS_ONLY, due_ms
from schemas import commands as c
from schemas.access import AccessStage
from schemas.catalogue import FreeOffer, GrantTerms
from schemas.events import ClockAdvanced, TimeAdvanced
from tests.builders.access import CASE, CONDITIONAL, SCORES, Office
from tests.builders.market import ANY_USE, CONTENT, ENTRY, FREE, OPERATOR, T0, kinds

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# T0 is Wednesday 2023-11-15, 06:13 in Shanghai; a midnight there is 16:00 UTC the day before.
THURSDAY_ENDS_MS = 1_700_150_400_000  # 2023-11-16T16:00:00Z, after the first working day
FRIDAY_ENDS_MS = THURSDAY_ENDS_MS + DAY_MS
NEXT_MONDAY_ENDS_MS = FRIDAY_ENDS_MS + 3 * DAY_MS
NEWER = msgspec.structs.replace(CONTENT, sha256="b" * 64)


def only(events: list, kind: str) -> object:
    (event,) = [event for event in events if type(event).__name__ == kind]
    return event


def test_unconditional_access_is_granted_at_once() -> None:
    office = Office(FREE)
    asked, trade, grant = office.ask()
    assert kinds([asked, trade, grant]) == ["AccessRequested", "TradeExecuted", "GrantIssued"]
    assert (asked.stage, asked.due_ms) == (None, None)
    assert office.venue.matching.access.cases == {}


def test_a_request_goes_through_all_its_stages() -> None:
    office = Office()
    seen = []
    for step in (
        office.ask,
        office.review,
        office.decide,
        office.push,
        office.challenge,
        office.answer,
    ):
        step()
        seen.append(office.case.stage)
    assert seen == ["review", "decision", "push", "use", "answer", "evaluation"]
    assert kinds(office.evaluate()) == ["AccessEvaluated"]
    assert office.venue.matching.access == access.Desk()
    assert CASE not in office.venue.matching.deadlines.due_ms_of


def test_nothing_is_traded_before_the_push_and_then_one_grant_is_issued() -> None:
    office = Office()
    before = [*office.ask(), *office.review(), *office.decide()]
    assert "TradeExecuted" not in kinds(before)
    events = office.push()
    trade, grant = only(events, "TradeExecuted"), only(events, "GrantIssued")
    assert (trade.request_id, trade.price_minor, trade.buyer_id) == (CASE, 0, office.anna)
    assert (trade.purpose, trade.at_ms) == ("a study", T0)
    assert grant.trade_id == trade.id == only(events, "SubscriptionPushed").trade_id


@pytest.mark.parametrize(
    ("steps", "kind", "due"),
    [
        (["ask"], "AccessRequested", FRIDAY_ENDS_MS),
        (["ask", "review"], "AccessReviewed", FRIDAY_ENDS_MS + 5 * DAY_MS),
        (["ask", "review", "decide"], "AccessDecided", FRIDAY_ENDS_MS),
        (
            ["ask", "review", "decide", "push"],
            "SubscriptionPushed",
            due_ms(WEEKENDS_ONLY, T0, 30),
        ),
        (["pushed", "challenge"], "QualityChallenged", NEXT_MONDAY_ENDS_MS),
        (
            ["pushed", "challenge", "answer"],
            "ChallengeAnswered",
            due_ms(WEEKENDS_ONLY, T0, 30),
        ),
    ],
)
def test_each_stage_has_its_working_days(steps: list[str], kind: str, due: int) -> None:
    office = Office()
    *_, events = [getattr(office, step)() for step in steps]
    assert only(events, kind).due_ms == due
    assert only(events, "DeadlineNoted").due_ms == due


@pytest.mark.parametrize(
    ("steps", "stage", "days"),
    [
        (["ask"], "review", 2),
        (["ask", "review"], "decision", 5),
        (["ask", "review", "decide"], "push", 2),
        (["pushed", "challenge"], "answer", 3),
    ],
)
def test_a_missed_deadline_is_said_once_and_the_step_is_still_taken(
    steps: list[str], stage: str, days: int
) -> None:
    office = Office()
    for step in steps:
        getattr(office, step)()
    due = due_ms(WEEKENDS_ONLY, T0, days)
    assert "AccessOverdue" not in kinds(office.until(due - 1))
    overdue = only(office.until(due), "AccessOverdue")
    assert (overdue.stage, overdue.due_ms, overdue.at_ms) == (stage, due, due)
    assert "AccessOverdue" not in kinds(office.until(due + 60 * DAY_MS))
    assert office.case.stage == stage
    office.now_ms = due + 60 * DAY_MS
    late = {"review": office.review, "decision": office.decide, "push": office.push}
    assert "RequestRefused" not in kinds(late.get(stage, office.answer)())


def test_silence_never_approves() -> None:
    office = Office()
    office.ask()
    events = office.until(T0 + 365 * DAY_MS)
    assert not {"TradeExecuted", "GrantIssued"} & set(kinds(events))
    assert office.case.stage == "review"


@pytest.mark.parametrize("steps", [["pushed"], ["pushed", "challenge", "answer"]])
def test_what_is_never_evaluated_is_closed_after_thirty_working_days(steps: list[str]) -> None:
    office = Office()
    for step in steps:
        getattr(office, step)()
    due = due_ms(WEEKENDS_ONLY, T0, 30)
    closed = only(office.until(due), "AccessClosed")
    assert (closed.reason, closed.at_ms) == ("not_evaluated", due)
    assert office.venue.matching.access == access.Desk()
    office.now_ms = due
    assert office.evaluate()[0].reason == "access_request_unknown"


@pytest.mark.parametrize("refuse", ["review", "decide"])
def test_a_refusal_ends_the_request_with_its_reason(refuse: str) -> None:
    office = Office()
    office.ask()
    if refuse == "decide":
        office.review()
    (event,) = getattr(office, refuse)(approved=False, reason="no legal basis")
    assert (event.approved, event.reason, event.stage, event.due_ms) == (
        False, "no legal basis", None, None,
    )  # fmt: skip
    assert office.push()[0].reason == "access_request_unknown"
    assert "AccessOverdue" not in kinds(office.until(T0 + 60 * DAY_MS))


def test_a_refusal_without_a_reason_is_no_command() -> None:
    command = c.DecideAccess(
        id="cmd_00001",
        at_ms=T0,
        access_id=CASE,
        supplier_id="pty_seller",
        approved=False,
        reason="",
    )
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        msgspec.json.decode(msgspec.json.encode(command), type=c.DecideAccess)


STEPS = ("review", "decide", "push", "challenge", "answer", "evaluate", "take_back")
IN_TURN = {
    "review": {"review", "take_back"},
    "decision": {"decide", "take_back"},
    "push": {"push"},
    "use": {"challenge", "evaluate"},
    "answer": {"answer"},
    "evaluation": {"evaluate"},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("stage", list(AccessStage))
def test_a_step_is_taken_in_its_stages_only(stage: AccessStage, step: str) -> None:
    office = Office()
    office.ask()
    for earlier in ("review", "decide", "push", "challenge", "answer"):
        if office.case.stage == stage:
            break
        getattr(office, earlier)()
    assert office.case.stage == stage
    events = getattr(office, step)()
    if step in IN_TURN[stage]:
        assert "RequestRefused" not in kinds(events)
    else:
        assert events[0].reason == "access_request_wrong_stage"


@pytest.mark.parametrize(
    ("step", "who"),
    [
        ("decide", "supplier_id"),
        ("answer", "supplier_id"),
        ("challenge", "buyer_id"),
        ("evaluate", "buyer_id"),
        ("take_back", "buyer_id"),
    ],
)
def test_a_step_of_another_party_is_refused(step: str, who: str) -> None:
    office = Office()
    office.ask()
    assert getattr(office, step)(**{who: "pty_stranger"})[0].reason == "not_owner"


def test_the_quality_may_be_challenged_for_two_working_days() -> None:
    office = Office()
    pushed = only(office.pushed(), "SubscriptionPushed")
    assert pushed.challenge_until_ms == FRIDAY_ENDS_MS
    office.now_ms = FRIDAY_ENDS_MS
    assert office.challenge()[0].reason == "challenge_too_late"
    office.now_ms = FRIDAY_ENDS_MS - 1
    assert kinds(office.challenge())[0] == "QualityChallenged"


def test_a_correction_is_a_revision_newer_than_the_one_granted() -> None:
    office = Office()
    office.pushed()
    office.challenge()
    assert office.answer(revision=1)[0].reason == "revision_unknown"
    assert office.answer(revision=2)[0].reason == "revision_unknown"
    data_set_id = office.case.offered.data_set_id
    fields = {"data_set_id": data_set_id, "supplier_id": office.seller, "content": NEWER}
    office.send(c.ReviseDataSet, **fields)
    answered = only(office.answer(revision=2), "ChallengeAnswered")
    assert (answered.upheld, answered.revision) == (True, 2)


def test_the_push_trades_the_newest_content_under_the_terms_asked_for() -> None:
    office = Office(lasts_ms=DAY_MS)
    office.ask()
    data_set_id = office.case.offered.data_set_id
    fields = {"data_set_id": data_set_id, "supplier_id": office.seller, "content": NEWER}
    office.send(c.ReviseDataSet, **fields)
    office.about_listing(
        c.AmendListing,
        supplier_id=office.seller,
        entry=ENTRY,
        offer=FREE,
        grant_terms=GrantTerms(policy=ANY_USE, lasts_ms=1),
    )
    office.about_listing(c.SubmitListing, supplier_id=office.seller)
    office.about_listing(c.ReviewListing, operator_id=OPERATOR, approved=True, reason="read")
    office.review()
    office.decide()
    grant = only(office.push(), "GrantIssued")
    assert (grant.revision, grant.content_sha256) == (2, "b" * 64)
    assert grant.expires_at_ms == T0 + DAY_MS


def test_a_suspended_listing_is_decided_on_but_not_pushed() -> None:
    office = Office()
    office.ask()
    office.about_listing(c.SuspendListing, operator_id=OPERATOR, reason="complaint")
    office.review()
    office.decide()
    assert office.push()[0].reason == "listing_not_listed"
    assert office.case.stage == "push"
    office.about_listing(c.ResumeListing, operator_id=OPERATOR)
    assert "GrantIssued" in kinds(office.push())


def test_withdrawing_the_listing_closes_what_is_not_pushed() -> None:
    office = Office()
    office.pushed()
    office.ask(id="acc_case02")
    events = office.about_listing(c.WithdrawListing, supplier_id=office.seller, reason="replaced")
    closed = only(events, "AccessClosed")
    assert (closed.access_id, closed.reason) == ("acc_case02", "listing_withdrawn")
    assert list(office.venue.matching.access.cases) == [CASE]
    assert kinds(office.evaluate()) == ["AccessEvaluated"]


def test_a_listing_that_expires_closes_its_requests() -> None:
    office = Office()
    office.about_listing(
        c.AmendListing,
        supplier_id=office.seller,
        entry=ENTRY,
        offer=CONDITIONAL,
        grant_terms=GrantTerms(policy=ANY_USE),
        expires_at_ms=FRIDAY_ENDS_MS,
    )
    office.about_listing(c.SubmitListing, supplier_id=office.seller)
    office.about_listing(c.ReviewListing, operator_id=OPERATOR, approved=True, reason="read")
    office.ask()
    events = kinds(office.until(FRIDAY_ENDS_MS))
    assert [kind for kind in events if kind.startswith(("Access", "Listing"))] == [
        "AccessOverdue", "ListingExpired", "AccessClosed",
    ]  # fmt: skip
    assert office.venue.matching.access == access.Desk()


def test_a_deadline_after_the_listings_end_in_one_tick_is_not_said() -> None:
    """A late clock may pass both at once."""
    office = Office()
    office.ask()
    state = office.venue.matching
    matching.schedule(state.deadlines, office.listing_id, FRIDAY_ENDS_MS - 1)
    events = matching.decide(state, TimeAdvanced(at_ms=FRIDAY_ENDS_MS, now_ms=FRIDAY_ENDS_MS))
    assert kinds(events) == ["ClockAdvanced", "ListingExpired", "AccessClosed"]
    for event in events:
        matching.evolve(state, event)
    assert state.access == access.Desk()


def test_the_same_request_again_changes_nothing_while_it_is_remembered() -> None:
    office = Office()
    office.ask()
    assert office.ask() == []
    assert office.ask(purpose="another")[0].reason == "id_reused_with_other_content"


def test_the_id_of_an_open_request_is_not_taken_again_when_it_is_remembered_no_more() -> None:
    office = Office()
    office.ask()
    for days in (1, 2):
        office.now_ms = T0 + days * DAY_MS
        matching.evolve(
            office.venue.matching, ClockAdvanced(at_ms=office.now_ms, now_ms=office.now_ms)
        )
        office.send(c.RequestAccess, listing_id=office.listing_id, buyer_id=office.anna)
    assert office.ask()[0].reason == "access_request_exists"


def test_a_buyer_has_a_limited_number_of_requests_open() -> None:
    office = Office()
    for number in range(access.OPEN_OF_BUYER_MAX):
        office.ask(id=f"acc_{number:05}")
    assert office.ask()[0].reason == "too_many_open_access_requests"
    office.take_back(access_id="acc_00000")
    assert kinds(office.ask(id="acc_again1"))[0] == "AccessRequested"


@pytest.mark.parametrize("offer", [FREE, CONDITIONAL], ids=["unconditional", "conditional"])
def test_one_may_not_ask_for_ones_own_data(offer: FreeOffer) -> None:
    office = Office(offer)
    assert office.ask(buyer_id=office.seller)[0].reason == "role_missing"


def test_scores_lie_between_nought_and_a_hundred() -> None:
    for wrong in (-1, 101):
        scores = msgspec.structs.replace(SCORES, accuracy=wrong)
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(msgspec.to_builtins(scores), type(SCORES))
