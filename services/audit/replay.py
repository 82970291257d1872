"""`audit replay`: does the trace follow from its own commands?

Nothing is trusted but the records: every decision is made again and compared byte for byte.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from market.venue import TAKERS
from schemas.base import SchemaError
from schemas.envelope import RULES_VERSION, Record, decode_record, encode
from schemas.events.trail import InputsTaken
from schemas.topics import INPUTS, TOPIC_NAMED, Service
from services.audit.findings import Finding, Progress, Report, groups, in_steps
from services.audit.tree import Tree
from streams.log import LogReader, Stored
from streams.recovery import RULES, STATE_VERSION, State, snapshot
from streams.runner import cursor_name
from streams.scribe import Scribe
from streams.steps import Input, Stepper, decide


def replay_log(log: LogReader, progress: Progress = lambda done: None) -> Report:
    """Decide every input again, in the recorded order, and compare each record byte for byte."""
    replay: _Replay = _Commits(log.venue) if in_steps(log) else _Cascades(log.venue)
    tree = Tree()
    for group in groups(log, tree, progress):
        for stored in group:
            problem = replay.take(stored)
            if problem:
                return Report(tree.size, tree.root(), 0, [Finding(stored.position, problem)])
    return Report(tree.size, tree.root(), 0, list(replay.end(log)))


class _Replay(Protocol):
    """Takes a log's records in order."""

    def take(self, stored: Stored) -> str:
        """Return what is wrong with a record, after which going on makes no sense, or nothing."""

    def end(self, log: LogReader) -> Iterable[Finding]:
        """Return what the whole log lacks."""


class _Cascades:
    """A log whose positions are the order of its inputs: each service decides them again; what it
    then must have written waits to be compared.
    """

    def __init__(self, venue: str) -> None:
        self._states: dict[Service, State] = {service: RULES[service].State() for service in RULES}
        self._scribe = Scribe(venue, {})
        self._expected: dict[Service, deque[tuple[int, Record]]] = {s: deque() for s in RULES}

    def take(self, stored: Stored) -> str:
        try:
            record = decode_record(stored.body)
        except SchemaError as error:
            return f"unreadable: {error}"
        topic = TOPIC_NAMED[record.topic]
        if topic.decided:
            expected = self._expected[topic.writer]
            if not expected:
                return f"{topic.writer} had no reason to write {_name(record)}"
            problem = _compare(expected.popleft()[1], record, stored.body)
        else:
            problem = _check_canonical(record, stored.body)
        if problem:
            return problem
        for service in TAKERS[type(record.data)]:
            made = decide(
                RULES[service],
                self._states[service],
                self._scribe,
                record.data,
                record.id,
                record.correlationid,
            )
            self._expected[service] += [(stored.position, event) for event in made]
        return ""

    def end(self, log: LogReader) -> Iterable[Finding]:
        """Whatever is still expected must come from inputs its service has not yet taken."""
        heads = log.heads()
        for service, expected in self._expected.items():
            cause, made = expected[0] if expected else (log.size, None)
            if made is not None and cause < heads.get(cursor_name(service), 0):
                name = _name(made)
                yield Finding(cause, f"{service} must have written {name} on this, and did not")
        if not any(self._expected.values()):
            yield from self._against_snapshots(log)

    def _against_snapshots(self, log: LogReader) -> Iterable[Finding]:
        for service, state in self._states.items():
            for kept in log.snapshots(service.value):
                newest = kept[1:3] == (log.size, STATE_VERSION)
                if newest and kept != snapshot(service, state, log.size):
                    yield Finding(-1, f"the snapshot of {service} is not the fold of its events")


class _Commits:
    """A trail of services that ran apart: what a service wrote waits for the seal that says from
    which inputs, in which order; then the service's commit is made again, the seal included.
    """

    def __init__(self, venue: str) -> None:
        self._steppers = {service: Stepper(service, venue) for service in RULES}
        self._untaken: dict[str, deque[Record]] = defaultdict(deque)
        self._written: dict[Service, deque[tuple[Record, bytes]]] = {s: deque() for s in RULES}
        self._inputs = frozenset().union(*INPUTS.values())

    def take(self, stored: Stored) -> str:
        try:
            record = decode_record(stored.body)
        except SchemaError as error:
            return f"unreadable: {error}"
        topic = TOPIC_NAMED[record.topic]
        if record.topic in self._inputs:
            self._untaken[record.topic].append(record)
        if topic.decided:
            self._written[topic.writer].append((record, stored.body))
            return ""
        if isinstance(record.data, InputsTaken):
            self._written[topic.writer].append((record, stored.body))
            return self._commit(topic.writer, record.data)
        return _check_canonical(record, stored.body)

    def end(self, log: LogReader) -> Iterable[Finding]:
        for service, written in self._written.items():
            if written:
                yield Finding(-1, f"{service} wrote {len(written)} events under no seal")

    def _commit(self, service: Service, seal: InputsTaken) -> str:
        inputs: list[Input] = []
        for taken in seal.ranges:
            waiting = self._untaken[taken.topic]
            some = [waiting.popleft() for _ in range(min(taken.count, len(waiting)))]
            if [len(some), *(r.offset for r in some[:1] + some[-1:])] != [
                taken.count,
                taken.first,
                taken.last,
            ]:
                return f"{service} took other records of {taken.topic} than those before this"
            inputs += [Input(r.topic, r.offset, r.data, r.id, r.correlationid) for r in some]
        made = self._steppers[service].take(inputs)
        written = self._written[service]
        if len(made) != len(written):
            return f"{service} must have written {len(made) - 1} events under this seal"
        for event in made:
            record, body = written.popleft()
            place = {"offset": record.offset, "partition": record.partition}
            if problem := _compare(msgspec.structs.replace(event, **place), record, body):
                return problem
        return ""


def _compare(made: Record, record: Record, body: bytes) -> str:
    """What older rules made is compared with what these make: most decisions are the same."""
    rules = record.rulesversion
    if rules > RULES_VERSION:
        return f"was made by rules {rules}, these are {RULES_VERSION}: no replay"
    older = 0 < rules < RULES_VERSION
    if older:
        made = msgspec.structs.replace(made, rulesversion=rules)
    if encode(made) == body:
        return ""
    differing = ", ".join(_differences(made, record)) or "the bytes are not canonical"
    which = f"rules {RULES_VERSION}, newer than its {rules}," if older else "the rules"
    return f"{which} give {_name(made)} otherwise: {differing}"


def _check_canonical(record: Record, body: bytes) -> str:
    canonical = body == encode(record)
    return "" if canonical else "these are not the canonical bytes of the record"


def _name(record: Record) -> str:
    return type(record.data).__name__


def _differences(made: Record, stored: Record) -> list[str]:
    """Return the names of the fields that differ, and not their values: they may be sealed."""
    fields = [name for name in made.__struct_fields__ if name != "data"]
    if type(made.data) is not type(stored.data):
        return [f"type {_name(stored)}", *_unequal(fields, made, stored)]
    inner = list(made.data.__struct_fields__)
    return [
        *_unequal(fields, made, stored),
        *(f"data.{name}" for name in _unequal(inner, made.data, stored.data)),
    ]


def _unequal(names: list[str], one: object, other: object) -> list[str]:
    return [name for name in names if getattr(one, name) != getattr(other, name)]
