"""Events of matching about access, on the topic `listings`."""

from schemas.access import AccessEnding, AccessStage, QualityScores
from schemas.base import Accepted, Event, Id, Millis, Quantity, Reason, Text
from schemas.calendars import WorkCalendar


class AccessRequested(Event):
    """Without a stage it was unconditional, and its trade follows at once."""

    id: Id
    listing_id: Id
    buyer_id: Id
    purpose: Text = ""
    accepted_sha256: Accepted = ""
    stage: AccessStage | None = None
    due_ms: Millis | None = None


class _OfAccess(Event):
    """`stage` is where the request now stands, with its deadline; None when it has ended."""

    access_id: Id
    listing_id: Id
    supplier_id: Id
    buyer_id: Id
    stage: AccessStage | None
    due_ms: Millis | None


class AccessReviewed(_OfAccess):
    id: Id
    operator_id: Id
    approved: bool
    reason: Reason


class AccessDecided(_OfAccess):
    id: Id
    approved: bool
    reason: Reason


class SubscriptionPushed(_OfAccess):
    """The trade is made. Until `challenge_until_ms` its quality may be challenged."""

    id: Id
    operator_id: Id
    trade_id: Id
    revision: Quantity
    challenge_until_ms: Millis


class QualityChallenged(_OfAccess):
    id: Id
    text: Text


class ChallengeAnswered(_OfAccess):
    id: Id
    upheld: bool
    text: Text
    trade_id: Id
    revision: Quantity | None = None


class AccessEvaluated(_OfAccess):
    id: Id
    scores: QualityScores
    comment: Text = ""


class AccessWithdrawn(_OfAccess):
    id: Id
    reason: Reason


class AccessClosed(_OfAccess):
    """Ended without a step of a party."""

    reason: AccessEnding


class AccessOverdue(_OfAccess):
    """The deadline was missed, said once per stage. The request waits on: nothing is approved by
    it.
    """


class CalendarSet(Event):
    id: Id
    operator_id: Id
    calendar: WorkCalendar


AccessMove = (
    AccessReviewed
    | AccessDecided
    | SubscriptionPushed
    | QualityChallenged
    | ChallengeAnswered
    | AccessEvaluated
    | AccessWithdrawn
    | AccessClosed
    | AccessOverdue
)
