"""Free use: at once where sharing is unconditional, else by stages with deadlines (有条件共享).

`STAGES` says who acts in each stage, within how many working days, and what comes after. A missed
deadline is said once, as `AccessOverdue`, and the request waits on: silence approves nothing. Only
what the requester leaves undone after the subscription lapses, which closes the request.

While a listing is suspended its requests go on, but none is pushed. When it ends, those not pushed
are closed. One that is amended changes nothing for requests made before: they keep its terms.
"""

from typing import Final, NamedTuple, TypedDict

import msgspec

from market import deal
from market.calendar import WEEKENDS_ONLY, due_ms
from market.listing import Catalogue, Listing, Status
from market.party import Admitted, refuse_to_buy
from schemas.access import AccessEnding, AccessStage
from schemas.base import Event
from schemas.calendars import WorkCalendar
from schemas.catalogue import FreeOffer
from schemas.commands import (
    AccessStep,
    AnswerChallenge,
    ChallengeQuality,
    DecideAccess,
    EvaluateAccess,
    PushSubscription,
    RequestAccess,
    ReviewAccess,
    WithdrawAccess,
)
from schemas.events import (
    AccessClosed,
    AccessDecided,
    AccessEvaluated,
    AccessMove,
    AccessOverdue,
    AccessRequested,
    AccessReviewed,
    AccessWithdrawn,
    ChallengeAnswered,
    DeadlineScheduled,
    QualityChallenged,
    SubscriptionPushed,
)
from schemas.ids import derive_id
from schemas.parties import Role
from schemas.reasons import Refusal

OPEN_OF_BUYER_MAX: Final = 1_000
CHALLENGE_DAYS: Final = 2


class Stage(NamedTuple):
    """`lapses` is whether a missed deadline ends the request instead of being overdue."""

    acts: Role
    days: int
    then: AccessStage | None
    lapses: bool = False


STAGES: Final = {
    AccessStage.REVIEW: Stage(Role.OPERATOR, 2, AccessStage.DECISION),
    AccessStage.DECISION: Stage(Role.SUPPLIER, 5, AccessStage.PUSH),
    AccessStage.PUSH: Stage(Role.OPERATOR, 2, AccessStage.USE),
    AccessStage.USE: Stage(Role.BUYER, 30, AccessStage.ANSWER, lapses=True),
    AccessStage.ANSWER: Stage(Role.SUPPLIER, 3, AccessStage.EVALUATION),
    AccessStage.EVALUATION: Stage(Role.BUYER, 30, None, lapses=True),
}
BEFORE_PUSH: Final = frozenset({AccessStage.REVIEW, AccessStage.DECISION, AccessStage.PUSH})
_ALLOWED_IN: Final[dict[type[AccessStep], frozenset[AccessStage]]] = {
    ReviewAccess: frozenset({AccessStage.REVIEW}),
    DecideAccess: frozenset({AccessStage.DECISION}),
    PushSubscription: frozenset({AccessStage.PUSH}),
    ChallengeQuality: frozenset({AccessStage.USE}),
    AnswerChallenge: frozenset({AccessStage.ANSWER}),
    EvaluateAccess: frozenset({AccessStage.USE, AccessStage.EVALUATION}),
    WithdrawAccess: frozenset({AccessStage.REVIEW, AccessStage.DECISION}),
}


class Case(msgspec.Struct, kw_only=True):
    """An open request. `offered` is the listing as it was when asked for."""

    request: RequestAccess
    offered: Listing
    stage: AccessStage
    revision: int = 0
    challenge_until_ms: int = 0


class Desk(msgspec.Struct, kw_only=True):
    """The open requests, how many each buyer has, and the days their deadlines are counted in."""

    cases: dict[str, Case] = {}
    open_of: dict[str, int] = {}
    calendar: WorkCalendar = WEEKENDS_ONLY


def request(
    desk: Desk, catalogue: Catalogue, parties: dict[str, Admitted], command: RequestAccess
) -> list[Event] | Refusal:
    listing = deal.find(catalogue, parties, command, FreeOffer)
    if isinstance(listing, Refusal):
        return listing
    assert isinstance(listing.offer, FreeOffer), f"{listing.id} was found as free"
    asked = AccessRequested(
        at_ms=command.at_ms,
        id=command.id,
        listing_id=command.listing_id,
        buyer_id=command.buyer_id,
        purpose=command.purpose,
        accepted_sha256=command.accepted_sha256,
    )
    if not listing.offer.condition:
        return [asked, deal.execute(listing, command)]
    if command.id in desk.cases:
        return Refusal.ACCESS_EXISTS
    if desk.open_of.get(command.buyer_id, 0) >= OPEN_OF_BUYER_MAX:
        return Refusal.ACCESS_LIMIT
    first = AccessStage.REVIEW
    ends_ms = due_ms(desk.calendar, command.at_ms, STAGES[first].days)
    opened = msgspec.structs.replace(asked, stage=first, due_ms=ends_ms)
    return [opened, DeadlineScheduled(at_ms=command.at_ms, id=command.id, due_ms=ends_ms)]


def take_step(
    desk: Desk, catalogue: Catalogue, parties: dict[str, Admitted], command: AccessStep
) -> list[Event] | Refusal:
    """Move a request along, if its stage allows the step and the caller is who acts in it."""
    case = desk.cases.get(command.access_id)
    if case is None:
        return Refusal.ACCESS_UNKNOWN
    if not _is_theirs(case, command):
        return Refusal.NOT_OWNER
    if case.stage not in _ALLOWED_IN[type(command)]:
        return Refusal.ACCESS_WRONG_STAGE
    match command:
        case PushSubscription():
            return _push(desk, case, catalogue, parties, command)
        case ChallengeQuality() if command.at_ms >= case.challenge_until_ms:
            return Refusal.CHALLENGE_TOO_LATE
        case AnswerChallenge() if not _is_correction(case, catalogue, command):
            return Refusal.REVISION_UNKNOWN
        case _:
            return _with_deadline(_step(desk, case, command))


def due(desk: Desk, access_id: str, at_ms: int) -> AccessOverdue | AccessClosed:
    """Return what the deadline of a request's stage causes."""
    case = desk.cases[access_id]
    if STAGES[case.stage].lapses:
        return _closed(case, AccessEnding.NOT_EVALUATED, at_ms)
    return AccessOverdue(**_fields(case, case.stage, at_ms, at_ms))


def listing_ended(
    desk: Desk, listing_id: str, reason: AccessEnding, at_ms: int
) -> list[AccessClosed]:
    """Close what can never be pushed any more."""
    return [
        _closed(case, reason, at_ms)
        for case in desk.cases.values()
        if case.offered.id == listing_id and case.stage in BEFORE_PUSH
    ]


# --- effects ----------------------------------------------------------------------------------


def requested_effect(desk: Desk, catalogue: Catalogue, event: AccessRequested) -> None:
    if event.stage is None:
        return
    asked = RequestAccess(
        id=event.id,
        at_ms=event.at_ms,
        listing_id=event.listing_id,
        buyer_id=event.buyer_id,
        purpose=event.purpose,
        accepted_sha256=event.accepted_sha256,
    )
    offered = msgspec.structs.replace(catalogue.listings[event.listing_id])
    desk.cases[event.id] = Case(request=asked, offered=offered, stage=event.stage)
    desk.open_of[event.buyer_id] = desk.open_of.get(event.buyer_id, 0) + 1


def moved_effect(desk: Desk, event: AccessMove) -> None:
    if event.stage is None:
        del desk.cases[event.access_id]
        left = desk.open_of.pop(event.buyer_id) - 1
        if left:
            desk.open_of[event.buyer_id] = left
        return
    case = desk.cases[event.access_id]
    case.stage = event.stage
    if isinstance(event, SubscriptionPushed):
        case.revision = event.revision
        case.challenge_until_ms = event.challenge_until_ms


# --- helpers ----------------------------------------------------------------------------------


def _is_theirs(case: Case, command: AccessStep) -> bool:
    match command:
        case ReviewAccess() | PushSubscription():
            return True  # the platform's own steps; who is its operator is known at the edge
        case DecideAccess() | AnswerChallenge():
            return command.supplier_id == case.offered.supplier_id
        case ChallengeQuality() | EvaluateAccess() | WithdrawAccess():
            return command.buyer_id == case.request.buyer_id


def _is_correction(case: Case, catalogue: Catalogue, command: AnswerChallenge) -> bool:
    newest = catalogue.data_sets[case.offered.data_set_id].revision
    return command.revision is None or case.revision < command.revision <= newest


def _push(
    desk: Desk,
    case: Case,
    catalogue: Catalogue,
    parties: dict[str, Admitted],
    command: PushSubscription,
) -> list[Event] | Refusal:
    """The trade is in the data set's newest content, under the terms that were asked for."""
    offered, at_ms = case.offered, command.at_ms
    if catalogue.listings[offered.id].status is not Status.LISTED:
        return Refusal.LISTING_NOT_LISTED
    if refusal := refuse_to_buy(parties, case.request.buyer_id, offered.supplier_id):
        return refusal
    newest = catalogue.data_sets[offered.data_set_id]
    trade = deal.execute(
        msgspec.structs.replace(
            offered, content_sha256=newest.content_sha256, revision=newest.revision
        ),
        msgspec.structs.replace(case.request, at_ms=at_ms),
    )
    pushed = SubscriptionPushed(
        **_move(desk, case, STAGES[case.stage].then, at_ms),
        id=command.id,
        operator_id=command.operator_id,
        trade_id=trade.id,
        revision=newest.revision,
        challenge_until_ms=due_ms(desk.calendar, at_ms, CHALLENGE_DAYS),
    )
    return [*_with_deadline(pushed), trade]


class _Fields(TypedDict):
    """What every event of a request says."""

    at_ms: int
    access_id: str
    listing_id: str
    supplier_id: str
    buyer_id: str
    stage: AccessStage | None
    due_ms: int | None


def _step(desk: Desk, case: Case, command: AccessStep) -> AccessMove:
    then, at_ms, id = STAGES[case.stage].then, command.at_ms, command.id
    match command:
        case ReviewAccess(approved=approved, reason=reason):
            fields = _move(desk, case, then if approved else None, at_ms)
            return AccessReviewed(
                **fields, id=id, operator_id=command.operator_id, approved=approved, reason=reason
            )
        case DecideAccess(approved=approved, reason=reason):
            fields = _move(desk, case, then if approved else None, at_ms)
            return AccessDecided(**fields, id=id, approved=approved, reason=reason)
        case ChallengeQuality(text=text):
            return QualityChallenged(**_move(desk, case, then, at_ms), id=id, text=text)
        case AnswerChallenge(upheld=upheld, text=text, revision=revision):
            return ChallengeAnswered(
                **_move(desk, case, then, at_ms),
                id=id,
                upheld=upheld,
                text=text,
                trade_id=derive_id(case.request.id, "trd"),
                revision=revision,
            )
        case EvaluateAccess(scores=scores, comment=comment):
            fields = _move(desk, case, None, at_ms)
            return AccessEvaluated(**fields, id=id, scores=scores, comment=comment)
        case WithdrawAccess(reason=reason):
            return AccessWithdrawn(**_move(desk, case, None, at_ms), id=id, reason=reason)
        case PushSubscription():
            raise AssertionError("a push is decided in _push")


def _move(desk: Desk, case: Case, stage: AccessStage | None, at_ms: int) -> _Fields:
    due = None if stage is None else due_ms(desk.calendar, at_ms, STAGES[stage].days)
    return _fields(case, stage, due, at_ms)


def _fields(case: Case, stage: AccessStage | None, due: int | None, at_ms: int) -> _Fields:
    return {
        "at_ms": at_ms,
        "access_id": case.request.id,
        "listing_id": case.offered.id,
        "supplier_id": case.offered.supplier_id,
        "buyer_id": case.request.buyer_id,
        "stage": stage,
        "due_ms": due,
    }


def _closed(case: Case, reason: AccessEnding, at_ms: int) -> AccessClosed:
    return AccessClosed(**_fields(case, None, None, at_ms), reason=reason)


def _with_deadline(event: AccessMove) -> list[Event]:
    if event.due_ms is None:
        return [event]
    return [event, DeadlineScheduled(at_ms=event.at_ms, id=event.access_id, due_ms=event.due_ms)]
