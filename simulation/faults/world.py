"""One venue in which a life is lived: its gateway, both services, their clocks, the observer."""

from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from market import settlement
from market.steps import TICK_GRACE_MS
from schemas.base import Command
from schemas.topics import DECIDERS, INPUTS, Service
from simulation.faults import invariants
from simulation.faults.books import Books
from simulation.faults.life import Act, Jump, Repeat, Say, Take, Wait
from simulation.faults.topics import Draft, Fenced, Topics
from simulation.faults.wishes import T0, founding
from simulation.faults.worker import RULES, Clock, Point, Rules, Worker

RESTAMPED_MS: Final = 1_800_000  # within it a command is said again with a new stamp
ROUNDS_MAX: Final = 400  # of deadlines, after the end of a life
_ALL: Final = {
    service: dict.fromkeys(sorted(INPUTS[service], reverse=True), 1_000) for service in DECIDERS
}
Steps = Generator[Point, None, None]
_ON: Final[dict[type, tuple[invariants.OnRecord, ...]]] = {}


class Broken(Exception):
    """An invariant does not hold: which, and how."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant, self.text = invariant, text


class Gateway:
    """Sends commands, and sends again what it does not know to have arrived."""

    def __init__(self, topics: Topics) -> None:
        self.wishes: dict[str, int] = {}  # what each id was said for
        self.unanswered: dict[int, Command] = {}
        self._said: dict[int, tuple[Command, int]] = {}
        self._topics = topics

    def say(self, act: Say, at_ms: int, now_ms: int) -> None:
        command = msgspec.structs.replace(act.command, at_ms=at_ms)
        self._said[act.number] = command, now_ms
        self.wishes[command.id] = act.number
        if act.arrives:
            self._topics.append(Draft(command, command.id))
        if not act.acknowledged:
            self.unanswered[act.number] = command

    def say_again(self, number: int, at_ms: int, now_ms: int) -> None:
        """A sender repeats its very record; one that asks anew within an hour gets a new stamp."""
        if number not in self._said:
            return
        command, said_ms = self._said[number]
        if abs(now_ms - said_ms) < RESTAMPED_MS:
            command = msgspec.structs.replace(command, at_ms=at_ms)
        command = self.renamed(command)
        self.wishes[command.id] = number
        self.unanswered.pop(number, None)
        self._topics.append(Draft(command, command.id))

    def renamed(self, command: Command) -> Command:
        """Return the command under the id it has when it is said again: the same."""
        return command


class Plant(NamedTuple):
    """A bug to be found: where its parts differ from the real ones. `decide` puts a bug around a
    service's own `decide`.
    """

    name: str = ""
    says: str = "the market as it is"
    worker: type[Worker] = Worker
    gateway: type[Gateway] = Gateway
    decide: Mapping[Service, Any] = {}

    def rules(self, service: Service, clock: Clock) -> Rules:
        real = RULES[service]
        wrap = self.decide.get(service)
        return real if wrap is None else real._replace(decide=wrap(real.decide, clock))


NONE: Final = Plant()


class World:
    """`do` an act at a time, `end`, and look: what does not hold is raised as Broken."""

    def __init__(self, plant: Plant = NONE) -> None:
        self.topics = _founded().copy()
        self.now_ms = T0
        self.skew_ms = {service: 0 for service in Service}
        self._plant = plant
        self._gateway = plant.gateway(self.topics)
        self._workers: dict[Service, Worker | None] = dict.fromkeys(DECIDERS)
        self._stalled: dict[Service, list[Steps]] = {service: [] for service in DECIDERS}
        rules = {service: plant.rules(service, lambda service: 0) for service in DECIDERS}
        self.books = Books(self.topics, rules, self._gateway.wishes)
        self._seen = 0
        self._look()

    def clock(self, service: Service) -> int:
        return max(0, self.now_ms + self.skew_ms[service])

    def do(self, act: Act) -> None:
        try:
            self._do(act)
            self._look()
        except Broken:
            raise
        except Exception as error:  # the edge: of a bug anything may come
            raise Broken("services_go_on", f"{type(error).__name__}: {error}") from error

    def end(self) -> None:
        """Let nothing break any more, all be said that was not answered, and all time pass."""
        self.skew_ms = dict.fromkeys(Service, 0)
        for number in list(self._gateway.unanswered):
            self.do(Repeat(number))
        for _ in range(ROUNDS_MAX):
            size = len(self.topics.journal)
            for service in DECIDERS:
                self.do(Take(service, tuple(_ALL[service].items())))
            if len(self.topics.journal) > size:
                continue
            due_ms = settlement.next_deadline(self.books.states[Service.SETTLEMENT])
            if due_ms is None:
                break
            self.now_ms = max(self.now_ms, due_ms + TICK_GRACE_MS)
        _raise_wrong(invariants.AT_END, self.books)

    def _do(self, act: Act) -> None:
        match act:
            case Say():
                clocks = self.clock(Service.GATEWAY), self.clock(Service.SETTLEMENT)
                self._gateway.say(act, *clocks)
            case Repeat():
                clocks = self.clock(Service.GATEWAY), self.clock(Service.SETTLEMENT)
                self._gateway.say_again(act.number, *clocks)
            case Wait():
                self.now_ms += act.ms
            case Jump():
                self.skew_ms[act.service] += act.by_ms
            case Take():
                self._take(act)

    def _take(self, act: Take) -> None:
        steps, seen = self._steps(act), 0
        halt = act.dies or act.stalls
        for point in steps:
            seen += point is halt
            if point is halt and seen == act.nth:
                worker = self._workers[act.service]
                self._workers[act.service] = None
                if act.stalls:
                    self._stalled[act.service].append(steps)
                else:
                    steps.close()
                    self._workers[act.service] = worker and worker.after_failure()
                return

    def _steps(self, act: Take) -> Steps:
        service = act.service
        worker = self._workers[service]
        if worker is None:
            worker = self._plant.worker(
                service, self.topics, self._plant.rules(service, self.clock), self.clock
            )
            self._workers[service] = worker
            for point in worker.take_over():
                self._go_on(service)  # whoever stood still knows nothing of this one
                yield point
        yield from worker.work(act.by_topic)

    def _go_on(self, service: Service) -> None:
        stalled, self._stalled[service] = self._stalled[service], []
        for steps in stalled:
            try:
                for _ in steps:
                    pass
            except Fenced:
                pass

    def _look(self) -> None:
        """Hold every record that has become visible, and the services, against what must be."""
        books = self.books
        books.clock_ms = max(books.clock_ms, self.clock(Service.SETTLEMENT))
        journal = self.topics.journal
        while self._seen < len(journal):
            record = journal[self._seen]
            self._seen += 1
            _raise_wrong(_of(type(record.data)), books, record.data, record)
            books.note(record)
        _raise_wrong(invariants.AT_REST, books)
        for service, worker in self._workers.items():
            if worker is not None and worker.state is not None:
                self._compare(service, worker)

    def _compare(self, service: Service, worker: Worker) -> None:
        ahead = worker.sequence - self.books.sequences[service]
        if ahead:
            raise Broken("state_is_the_fold", f"{service} is {ahead} events from its own log")
        if worker.state != self.books.states[service]:
            raise Broken("state_is_the_fold", f"the state of {service} is not what its events say")


def _of(kind: type) -> tuple[invariants.OnRecord, ...]:
    if kind not in _ON:
        _ON[kind] = tuple(rule for rule, kinds in invariants.ON_RECORD if issubclass(kind, kinds))
    return _ON[kind]


def _raise_wrong(rules: Any, *about: Any) -> None:
    for rule in rules:
        wrong = rule(*about)
        if wrong is not None:
            raise Broken(rule.__name__, wrong)


@lru_cache(maxsize=1)
def _founded() -> Topics:
    """Return the topics of a venue that is ready to trade."""
    topics = Topics()

    def clock(service: Service) -> int:
        return T0

    workers = [Worker(service, topics, RULES[service], clock) for service in DECIDERS]
    for worker in workers:
        for _ in worker.take_over():
            pass
    for command in founding():
        topics.append(Draft(command, command.id))
        size = 0
        while size < len(topics.journal):
            size = len(topics.journal)
            for worker in workers:
                for _ in worker.work(_ALL[worker.service]):
                    pass
    return topics
