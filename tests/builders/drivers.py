"""Two ways to drive the services on one log: whole cascades, or steps that race each other."""

from market.steps import tick
from schemas.base import Command
from schemas.envelope import encode
from schemas.topics import Service
from streams.log import Entry
from streams.memory import MemoryLog
from streams.runner import CascadeRunner, StepRunner
from streams.scribe import Scribe


class Cascades:
    """Every command runs to its end before the next."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.now_ms = 0
        self.runner = CascadeRunner(self.log, lambda: self.now_ms)

    @property
    def states(self) -> tuple:
        return self.runner.venue.matching, self.runner.venue.settlement

    def say(self, command: Command) -> None:
        self.runner.run_now([command])

    def step(self, service: Service, limit: int) -> None: ...

    def advance(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.runner.run_now([])

    def settle_down(self) -> None: ...


class Steps:
    """Each service takes its inputs when told to, a few at a time, so messages race."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.now_ms = 0
        self.scribe = Scribe(self.log.venue, {})
        self.services = {
            service: StepRunner(self.log, self.scribe, service)
            for service in (Service.MATCHING, Service.SETTLEMENT)
        }
        self._ticked_ms = self._tick_at = -1

    @property
    def states(self) -> tuple:
        return tuple(self.services[name].state for name in (Service.MATCHING, Service.SETTLEMENT))

    def say(self, command: Command) -> None:
        record = self.scribe.write(command, command.id)
        self.log.append([Entry(record.topic, encode(record))], self.scribe.heads)

    def step(self, service: Service, limit: int) -> None:
        self.services[service].step(limit)

    def advance(self, now_ms: int) -> None:
        """Let time go on; the clock says a deadline again only when it was taken in. One that was
        noted late may lie before the last.
        """
        self.now_ms = now_ms
        settlement = self.services[Service.SETTLEMENT]
        due_ms = settlement.due_ms()
        in_flight = due_ms == self._ticked_ms and settlement.cursor <= self._tick_at
        if due_ms is not None and due_ms <= now_ms and not in_flight:
            self._ticked_ms, self._tick_at = due_ms, self.log.size
            self.say(tick(due_ms))

    def settle_down(self) -> None:
        """Let every message be taken and every due deadline pass."""
        while True:
            while any([service.step() for service in self.services.values()]):
                pass
            size = self.log.size
            self.advance(self.now_ms)
            if self.log.size == size:
                break
