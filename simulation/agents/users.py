"""Who uses free data, and who decides on it."""

from collections.abc import Callable
from random import Random
from typing import Final

from schemas import events as e
from schemas.access import QualityScores
from schemas.base import Event
from schemas.commands import (
    DecideAccess,
    EvaluateAccess,
    PushSubscription,
    RequestAccess,
    ReviewAccess,
)
from simulation.kernel import Desk
from simulation.stage import OPERATOR

HOUR_MS: Final = 3_600_000
Drawn = Callable[[Random, int], float]  # from chance and the time


class Reader:
    """Asks for free data now and then, and evaluates what it was given under a condition."""

    def __init__(self, name: str, listings: list[str], gap_hours: Drawn) -> None:
        self.name = name
        self._listings = listings
        self._gap_hours = gap_hours
        self._begun = False

    def wake(self, desk: Desk) -> None:
        if self._begun:
            desk.say(
                RequestAccess(
                    id=desk.id("acc"),
                    at_ms=desk.now_ms,
                    listing_id=desk.draw.choice(self._listings),
                    buyer_id=self.name,
                    purpose="research",
                )
            )
        self._begun = True
        gap_ms = round(self._gap_hours(desk.draw, desk.now_ms) * HOUR_MS)
        desk.wake_at(desk.now_ms + max(1, gap_ms))

    def hear(self, event: Event, desk: Desk) -> None:
        if isinstance(event, e.SubscriptionPushed):
            scores = [desk.draw.randint(50, 100) for _ in range(4)]
            desk.say(
                EvaluateAccess(
                    id=desk.id("cmd"),
                    at_ms=event.at_ms + desk.draw.randint(24, 240) * HOUR_MS,
                    access_id=event.access_id,
                    buyer_id=self.name,
                    scores=QualityScores(
                        completeness=scores[0],
                        accuracy=scores[1],
                        availability=scores[2],
                        timeliness=scores[3],
                    ),
                )
            )


class Office:
    """The operator's part in conditional access: it reviews, and pushes what was approved."""

    name = OPERATOR

    def __init__(self, listings: list[str]) -> None:
        self._listings = listings

    def wake(self, desk: Desk) -> None:
        for listing_id in self._listings:
            desk.follow(listing_id)

    def hear(self, event: Event, desk: Desk) -> None:
        match event:
            case e.AccessRequested() if event.stage is not None:
                desk.say(
                    ReviewAccess(
                        id=desk.id("cmd"),
                        at_ms=desk.now_ms + desk.draw.randint(1, 30) * HOUR_MS,
                        access_id=event.id,
                        operator_id=OPERATOR,
                        approved=True,
                        reason="complete",
                    )
                )
            case e.AccessDecided() if event.approved:
                desk.say(
                    PushSubscription(
                        id=desk.id("cmd"),
                        at_ms=desk.now_ms + desk.draw.randint(1, 20) * HOUR_MS,
                        access_id=event.access_id,
                        operator_id=OPERATOR,
                    )
                )


class Provider:
    """A supplier's decision on requests for what it shares under a condition."""

    def __init__(self, name: str, refused_share: float) -> None:
        self.name = name
        self._refused_share = refused_share

    def wake(self, desk: Desk) -> None: ...

    def hear(self, event: Event, desk: Desk) -> None:
        if isinstance(event, e.AccessReviewed) and event.approved:
            approved = desk.draw.random() >= self._refused_share
            desk.say(
                DecideAccess(
                    id=desk.id("cmd"),
                    at_ms=desk.now_ms + desk.draw.randint(4, 100) * HOUR_MS,
                    access_id=event.access_id,
                    supplier_id=self.name,
                    approved=approved,
                    reason="fits the condition" if approved else "the purpose does not fit",
                )
            )
