"""Metered users with a prepaid budget, and when they use how much."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, Protocol

from schemas import events as e
from schemas.base import Event
from schemas.commands import EndGrant, RecordUsage, Subscribe
from simulation.kernel import Desk
from simulation.scenario.distributions import Distribution

HOUR_MS = 3_600_000


class Pattern(Protocol):
    """When a user comes back, and how much it takes each time."""

    def gap_ms(self, draw: Random) -> int: ...

    def quantity(self, draw: Random) -> int: ...


class Drawn:
    def __init__(self, gap_hours: Distribution, quantity: Distribution) -> None:
        self._gap_hours = gap_hours
        self._quantity = quantity

    def gap_ms(self, draw: Random) -> int:
        return round(self._gap_hours.drawn(draw) * HOUR_MS)

    def quantity(self, draw: Random) -> int:
        return int(self._quantity.drawn(draw))


class Step(NamedTuple):
    """A recorded use: how long after the one before, and how much."""

    gap_ms: int
    quantity: int


class Traced:
    """Comes back as recorded, from the beginning again after the last use."""

    def __init__(self, steps: Sequence[Step], quantity: Distribution | None = None) -> None:
        self._steps = steps
        self._quantity = quantity
        self._next = 0

    def gap_ms(self, draw: Random) -> int:
        return self._steps[self._next].gap_ms

    def quantity(self, draw: Random) -> int:
        recorded = self._steps[self._next].quantity
        self._next = (self._next + 1) % len(self._steps)
        return recorded if self._quantity is None else int(self._quantity.drawn(draw))


class MeteredUser:
    """Subscribes, uses in bursts until the budget is used up, gives the grant back, and begins
    again, until it has no money for another budget. `busier` is a factor by time.
    """

    def __init__(
        self,
        name: str,
        listing_id: str,
        currency: str,
        budget_minor: int,
        pattern: Pattern,
        burst: int,
        busier: Callable[[int], float],
    ) -> None:
        self.name = name
        self._listing_id = listing_id
        self._currency = currency
        self._budget_minor = budget_minor
        self._pattern = pattern
        self._burst = burst
        self._busier = busier
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
                        quantity=max(1, self._pattern.quantity(desk.draw)),
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
        gap_ms = round(self._pattern.gap_ms(desk.draw) / self._busier(desk.now_ms))
        desk.wake_at(desk.now_ms + self._burst + max(1, gap_ms))
