"""Requests for access, and the calendar their deadlines are counted in."""

from typing import Any, Final

import msgspec

from market.access import STAGES
from schemas import events as e
from schemas.access import AccessStage
from schemas.envelope import Message
from schemas.ids import derive_id
from services.gateway import tables as t
from services.gateway.projections.common import Apply
from services.gateway.rows import Rows

_KNOWN_OF_THE_REQUEST: Final = ("access_id", "listing_id", "supplier_id", "buyer_id", "id", "type")


def _requested(rows: Rows, event: e.AccessRequested, position: int) -> None:
    listing = rows.find(t.ListingRow, event.listing_id)
    assert listing is not None, f"{event.listing_id} was asked for and never drafted"
    rows.put(
        t.AccessRow,
        position=position,
        id=event.id,
        listing_id=event.listing_id,
        supplier_id=listing["supplier_id"],
        buyer_id=event.buyer_id,
        conditional=event.stage is not None,
        status="granted" if event.stage is None else event.stage.value,
        waits_for=_who_acts(event.stage),
        due_ms=event.due_ms,
        overdue_since_ms=None,
        challenge_until_ms=None,
        trade_id=None,
        grant_id=None,
        purpose=event.purpose,
        accepted_sha256=event.accepted_sha256,
        reason="",
        scores=None,
        steps=[],
        at_ms=event.at_ms,
    )
    if event.stage is None:
        _granted(rows, event.id, derive_id(event.id, "trd"))


def _moved(ended_as: str) -> Apply:
    """Return what a step does to its row; a step that ends the request leaves it `ended_as`."""

    def apply(rows: Rows, event: Any, position: int) -> None:
        row = rows.find(t.AccessRow, event.access_id)
        assert row is not None, f"{event.access_id} moved and was never asked for"
        rows.change(
            t.AccessRow,
            event.access_id,
            position=position,
            status=ended_as if event.stage is None else event.stage.value,
            waits_for=_who_acts(event.stage),
            due_ms=event.due_ms,
            overdue_since_ms=event.due_ms if isinstance(event, e.AccessOverdue) else None,
            reason=getattr(event, "reason", row["reason"]),
            steps=[*row["steps"], _step(event)],
        )

    return apply


def _pushed(rows: Rows, event: e.SubscriptionPushed, position: int) -> None:
    _moved("")(rows, event, position)
    rows.change(t.AccessRow, event.access_id, challenge_until_ms=event.challenge_until_ms)
    _granted(rows, event.access_id, event.trade_id)


def _answered(rows: Rows, event: e.ChallengeAnswered, position: int) -> None:
    """A correction is what the grant opens from now on."""
    _moved("")(rows, event, position)
    if event.revision is None:
        return
    grant_id = derive_id(event.trade_id, "grt")
    grant = rows.find(t.GrantRow, grant_id)
    assert grant is not None, f"{grant_id} was challenged and never issued"
    corrected = rows.find(t.RevisionRow, t.revision_id(grant["data_set_id"], event.revision))
    assert corrected is not None, f"{grant['data_set_id']} has no revision {event.revision}"
    rows.change(
        t.GrantRow,
        grant_id,
        revision=event.revision,
        content_sha256=corrected["content"]["sha256"],
        position=position,
    )


def _evaluated(rows: Rows, event: e.AccessEvaluated, position: int) -> None:
    _moved("evaluated")(rows, event, position)
    rows.change(t.AccessRow, event.access_id, scores=msgspec.to_builtins(event.scores))


def _calendar_set(rows: Rows, event: e.CalendarSet, position: int) -> None:
    days = msgspec.to_builtins(event.calendar)
    rows.put(t.CalendarRow, **{"workdays": [], **days}, id=t.CALENDAR_ID, position=position)


def _granted(rows: Rows, access_id: str, trade_id: str) -> None:
    grant_id = derive_id(trade_id, "grt")
    rows.change(t.AccessRow, access_id, trade_id=trade_id, grant_id=grant_id)


def _who_acts(stage: AccessStage | None) -> str | None:
    return None if stage is None else STAGES[stage].acts.value


def _step(event: Any) -> dict[str, Any]:
    told = msgspec.to_builtins(event)
    about = {name: value for name, value in told.items() if name not in _KNOWN_OF_THE_REQUEST}
    return {"step": type(event).__name__, **about}


APPLY: Final[dict[type[Message], Apply]] = {
    e.AccessRequested: _requested,
    e.AccessReviewed: _moved("refused"),
    e.AccessDecided: _moved("refused"),
    e.SubscriptionPushed: _pushed,
    e.QualityChallenged: _moved(""),
    e.ChallengeAnswered: _answered,
    e.AccessEvaluated: _evaluated,
    e.AccessWithdrawn: _moved("withdrawn"),
    e.AccessClosed: _moved("closed"),
    e.AccessOverdue: _moved(""),
    e.CalendarSet: _calendar_set,
}
