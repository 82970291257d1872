"""Commands that matching decides about free use: unconditional at once, conditional by stages."""

from typing import Annotated

from msgspec import Meta

from schemas.access import QualityScores
from schemas.base import Accepted, Command, Id, Quantity, Reason, Text
from schemas.calendars import WorkCalendar

Words = Annotated[str, Meta(min_length=1, max_length=4_000)]


class RequestAccess(Command):
    """Ask for free use. Granted at once where sharing is unconditional."""

    listing_id: Id
    buyer_id: Id
    purpose: Text = ""
    accepted_sha256: Accepted = ""


class ReviewAccess(Command):
    """The operator's formal review (形式审查): is the request complete and in order."""

    access_id: Id
    operator_id: Id
    approved: bool
    reason: Reason


class DecideAccess(Command):
    """The provider's decision. It may not be refused without a reason."""

    access_id: Id
    supplier_id: Id
    approved: bool
    reason: Reason


class PushSubscription(Command):
    """The platform grants what the provider approved."""

    access_id: Id
    operator_id: Id


class ChallengeQuality(Command):
    access_id: Id
    buyer_id: Id
    text: Words


class AnswerChallenge(Command):
    """`revision` of the data set, if any, puts right what was found; the grant then opens it."""

    access_id: Id
    supplier_id: Id
    upheld: bool
    text: Words
    revision: Quantity | None = None


class EvaluateAccess(Command):
    access_id: Id
    buyer_id: Id
    scores: QualityScores
    comment: Text = ""


class WithdrawAccess(Command):
    """The requester takes the request back, which is free until the provider has decided."""

    access_id: Id
    buyer_id: Id
    reason: Reason


class SetCalendar(Command):
    """Set the days from which deadlines of now on are counted; those running stay."""

    operator_id: Id
    calendar: WorkCalendar


AccessStep = (
    ReviewAccess
    | DecideAccess
    | PushSubscription
    | ChallengeQuality
    | AnswerChallenge
    | EvaluateAccess
    | WithdrawAccess
)
AccessCommand = RequestAccess | AccessStep | SetCalendar
