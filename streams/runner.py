"""The loops that drive the rules on a log: whole cascades, or one service step by step."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from market import settlement
from market.steps import tick
from market.venue import Emission
from schemas.base import Command
from schemas.envelope import Message, decode_record, encode
from schemas.topics import INPUTS, Service
from streams.faults import words
from streams.log import Entry, Log, LogError, Snapshot
from streams.recovery import RULES, recover, recover_venue, snapshot
from streams.scribe import Scribe
from streams.steps import decide

QUEUE_COMMANDS_MAX: Final = 20_000
GROUP_COMMANDS_MAX: Final = 1_000
SNAPSHOT_EVERY_RECORDS: Final = 200_000
STEP_RECORDS_MAX: Final = 500
# How long a runner sleeps at most: a machine may have slept longer than its timers know.
SLEEP_SECONDS_MAX: Final = 1.0


class Overloaded(LogError):
    """The queue is full: nothing was taken; try again later."""


class Stopped(LogError):
    """The runner takes nothing more."""


class Outcome(NamedTuple):
    """A committed command: its position, the log's size after its group, and all it caused."""

    position: int
    size: int
    cascade: list[Emission]


class Report(NamedTuple):
    """A message that is no decision, with the command at its root and the message it is due to."""

    message: Message
    correlationid: str
    causationid: str


class Addition(NamedTuple):
    """What another service of the process has to say, with the heads and the snapshots that belong
    to it.
    """

    reports: list[Report]
    heads: dict[str, int]
    snapshots: list[Snapshot]


Waiter = Future[Outcome] | asyncio.Future[Outcome]
Added = tuple[Addition, Future[None]]


class CascadeRunner:
    """Runs each command with everything it causes, and commits many in one transaction.

    Under load a group is whatever waits; a lone command is committed at once. A deadline fires
    behind every command that was waiting with an earlier stamp, and before any with a later one.
    """

    def __init__(self, log: Log, now_ms: Callable[[], int]) -> None:
        self.venue = recover_venue(log)
        self.on_commit: Callable[[int], None] = lambda size: None
        self.failure: BaseException | None = None
        self._log = log
        self._now_ms = now_ms
        self._scribe = Scribe(log.venue, log.heads())
        self._snapshot_at = log.size
        self._queue: deque[tuple[Command, Waiter]] = deque()
        self._additions: deque[Added] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, keep a snapshot, and end. Raises what made the runner fail, if it
        did.
        """
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()
        if self.failure is not None:
            raise LogError(f"the runner had failed: {self.failure}") from self.failure

    def submit(self, command: Command) -> Future[Outcome]:
        """Return a future of the committed outcome. Raises Overloaded or Stopped, having taken
        nothing.
        """
        waiter: Future[Outcome] = Future()
        self._enqueue(command, waiter)
        return waiter

    async def submit_async(self, command: Command) -> Outcome:
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._enqueue(command, waiter)
        return await waiter

    def add(self, addition: Addition) -> Future[None]:
        """Commit with the next group; return a future that is done when it is durable. Raises
        Stopped, having taken nothing.
        """
        waiter: Future[None] = Future()
        with self._wake:
            self._check_running()
            self._additions.append((addition, waiter))
            self._wake.notify()
        return waiter

    def run_now(
        self, commands: list[Command], additions: Sequence[Addition] = ()
    ) -> list[list[Emission]]:
        """Run and commit a group in this thread, without the queue: for drivers of virtual time."""
        return self._run_group(commands, self._now_ms(), fire_all=True, additions=additions)[1]

    def keep_snapshot(self) -> None:
        self._log.append([], {}, self._snapshots())

    def _enqueue(self, command: Command, waiter: Waiter) -> None:
        with self._wake:
            self._check_running()
            if len(self._queue) >= QUEUE_COMMANDS_MAX:
                raise Overloaded(f"{QUEUE_COMMANDS_MAX} commands wait already; try again later")
            self._queue.append((command, waiter))
            self._wake.notify()

    def _check_running(self) -> None:
        if self._stopping or self.failure is not None:
            raise Stopped("the market is stopping; nothing was taken")

    def _run(self) -> None:
        waiting: list[tuple[Command, Waiter]] = []
        added: list[Added] = []
        try:
            while True:
                waiting, added, now_ms, drained = self._next_group()
                if not waiting and not added and self._stopping:
                    break
                commands = [command for command, _ in waiting]
                additions = [addition for addition, _ in added]
                first, cascades = self._run_group(
                    commands, now_ms, fire_all=drained, additions=additions
                )
                self._answer([waiter for _, waiter in waiting], first, cascades)
                for _, waiter in added:
                    waiter.set_result(None)
                self._snapshot_if_due()
            self.keep_snapshot()
        except BaseException as error:  # the edge: every waiter learns of it, and nothing goes on
            self.failure = error
            logging.getLogger("databourse").error("no command is taken any more: %s", words(error))
            with self._wake:
                waiting += self._queue
                added += self._additions
                self._queue.clear()
                self._additions.clear()
            _deliver([(waiter, error) for _, waiter in waiting])
            for _, waiter in added:
                waiter.set_exception(error)

    def _next_group(self) -> tuple[list[tuple[Command, Waiter]], list[Added], int, bool]:
        """Return what waits, the time it was taken, and whether no command waits behind it."""
        with self._wake:
            while not self._queue and not self._additions and not self._stopping:
                now_ms, due_ms = self._now_ms(), self.venue.next_deadline()
                if due_ms is not None and due_ms <= now_ms:
                    break
                wait_ms = SLEEP_SECONDS_MAX * 1000 if due_ms is None else due_ms - now_ms
                self._wake.wait(min(wait_ms / 1000, SLEEP_SECONDS_MAX))
            taken = min(len(self._queue), GROUP_COMMANDS_MAX)
            group = [self._queue.popleft() for _ in range(taken)]
            added = list(self._additions)
            self._additions.clear()
            return group, added, self._now_ms(), not self._queue

    def _run_group(
        self,
        commands: list[Command],
        now_ms: int,
        *,
        fire_all: bool,
        additions: Sequence[Addition] = (),
    ) -> tuple[list[int], list[list[Emission]]]:
        """Run the commands with the deadlines due between them; commit that and the additions;
        return positions and cascades.
        """
        run, write = self.venue.run, self._scribe.write_cascade
        entries: list[Entry] = []
        positions: list[int] = []
        cascades: list[list[Emission]] = []
        for command in commands:
            self._fire(min(now_ms, command.at_ms), entries)
            positions.append(self._log.size + len(entries))
            cascade = run(command)
            entries += write(cascade)
            cascades.append(cascade)
        if fire_all:
            self._fire(now_ms, entries)
        if entries or additions:
            self._append(entries, additions)
        return positions, cascades

    def _append(self, entries: list[Entry], additions: Sequence[Addition]) -> None:
        heads, snapshots = self._scribe.heads, []
        for addition in additions:
            entries += [self._scribe.write_entry(*report) for report in addition.reports]
            heads.update(addition.heads)
            snapshots += addition.snapshots
        size = self._log.size + len(entries)
        heads.update({cursor_name(service): size for service in RULES})
        self._log.append(entries, heads, snapshots)
        self.on_commit(size)

    def _fire(self, now_ms: int, entries: list[Entry]) -> None:
        while (due_ms := self.venue.next_deadline()) is not None and due_ms <= now_ms:
            entries += self._scribe.write_cascade(self.venue.run(tick(due_ms)))

    def _answer(
        self, waiters: list[Waiter], positions: list[int], cascades: list[list[Emission]]
    ) -> None:
        size = self._log.size
        outcomes = map(Outcome, positions, [size] * len(positions), cascades)
        _deliver(list(zip(waiters, outcomes, strict=True)))

    def _snapshot_if_due(self) -> None:
        if self._log.size - self._snapshot_at >= SNAPSHOT_EVERY_RECORDS:
            self.keep_snapshot()
            self._snapshot_at = self._log.size

    def _snapshots(self) -> list[Snapshot]:
        size = self._log.size
        return [
            snapshot(Service.MATCHING, self.venue.matching, size),
            snapshot(Service.SETTLEMENT, self.venue.settlement, size),
        ]


class StepRunner:
    """One service on its own: takes its inputs in the log's order and commits what it decides on
    them.

    Several step runners on one log let messages race as they would between processes.
    """

    def __init__(self, log: Log, scribe: Scribe, service: Service) -> None:
        self.state = recover(log, service)
        self.cursor = log.heads().get(cursor_name(service), 0)
        self._log = log
        self._scribe = scribe
        self._service = service
        self._rules = RULES[service]

    def step(self, limit: int = STEP_RECORDS_MAX) -> int:
        """Take up to `limit` inputs; return how many there were."""
        inputs = self._log.read(self.cursor, limit, INPUTS[self._service])
        entries: list[Entry] = []
        for _, body in inputs:
            taken = decode_record(body)
            made = decide(
                self._rules, self.state, self._scribe, taken.data, taken.id, taken.correlationid
            )
            entries += [Entry(record.topic, encode(record)) for record in made]
        if inputs:
            self.cursor = inputs[-1].position + 1
            self._scribe.heads[cursor_name(self._service)] = self.cursor
            self._log.append(entries, self._scribe.heads)
        return len(inputs)

    def due_ms(self) -> int | None:
        """Return the deadline settlement waits for; only its runner keeps the clock."""
        assert isinstance(self.state, settlement.State), "only settlement keeps the clock"
        return settlement.next_deadline(self.state)


def cursor_name(service: Service) -> str:
    """Return the head that says up to where a service has taken its inputs."""
    return f"cursor/{service.value}"


def _deliver(answers: list[tuple[Waiter, Outcome | BaseException]]) -> None:
    """Hand out answers; those for an event loop go to it together, in one call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Waiter, Outcome | BaseException]]] = {}
    for waiter, answer in answers:
        if isinstance(waiter, asyncio.Future):
            by_loop.setdefault(waiter.get_loop(), []).append((waiter, answer))
        else:
            _resolve([(waiter, answer)])
    for loop, group in by_loop.items():
        loop.call_soon_threadsafe(_resolve, group)


def _resolve(answers: list[tuple[Waiter, Outcome | BaseException]]) -> None:
    for waiter, answer in answers:
        if waiter.done():  # its caller has gone away
            continue
        if isinstance(answer, BaseException):
            waiter.set_exception(answer)
        else:
            waiter.set_result(answer)
