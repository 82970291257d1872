"""Who uses data: metered users with a prepaid budget, and readers of free data."""

from collections.abc import Callable
from random import Random
from typing import Final

from schemas import events as e
from schemas.access import QualityScores
from schemas.base import Event
from schemas.commands import (
    DecideAccess,
    EndGrant,
    EvaluateAccess,
    PushSubscription,
    RecordUsage,
    RequestAccess,
    ReviewAccess,
    Subscribe,
)
from simulation.kernel import Desk
from simulation.stage import OPERATOR

HOUR_MS: Final = 3_600_000
Drawn = Callable[[Random, int], float]  # from chance and the time


class MeteredUser:
    """Subscribes, uses in bursts until the budget is used up, gives the grant back, and begins
    again, until it has no money for another budget.
    """

    def __init__(
        self,
        name: str,
        listing_id: str,
        currency: str,
        budget_minor: int,
        gap_hours: Drawn,
        quantity: Drawn,
        burst: int,
    ) -> None:
        self.name = name
        self._listing_id = listing_id
        self._currency = currency
        self._budget_minor = budget_minor
        self._gap_hours = gap_hours
        self._quantity = quantity
        self._burst = burst
        self._grant_id = ""

    def wake(self, desk: Desk) -> None:
        if self._grant_id:
            for number in range(self._burst):
                desk.say(
                    RecordUsage(
                        id=desk.id("usg"),
                        at_ms=desk.now_ms + number,
                        grant_id=self._grant_id,
                        buyer_id=self.name,
                        quantity=max(1, int(self._quantity(desk.draw, desk.now_ms))),
                    )
                )
            self._rest(desk)
        else:
            desk.say(
                Subscribe(
                    id=desk.id("sub"),
                    at_ms=desk.now_ms,
                    listing_id=self._listing_id,
                    buyer_id=self.name,
                    currency=self._currency,
                    budget_minor=self._budget_minor,
                )
            )

    def hear(self, event: Event, desk: Desk) -> None:
        match event:
            case e.GrantIssued():
                self._grant_id = event.id
                self._rest(desk)
            case e.UsageRefused() if event.grant_id == self._grant_id:
                self._grant_id = ""
                desk.say(
                    EndGrant(
                        id=desk.id("cmd"),
                        at_ms=desk.now_ms,
                        grant_id=event.grant_id,
                        buyer_id=self.name,
                    )
                )

    def _rest(self, desk: Desk) -> None:
        gap_ms = round(self._gap_hours(desk.draw, desk.now_ms) * HOUR_MS)
        desk.wake_at(desk.now_ms + self._burst + max(1, gap_ms))


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
