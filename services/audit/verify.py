"""`audit verify` and `audit replay`: is the trace whole, and does it follow from its own commands?

Neither trusts anything but the records and the public key: the tree, the ledger and every decision
are computed again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from market import ledger
from market.venue import TAKERS
from schemas.base import SchemaError
from schemas.envelope import RULES_VERSION, Record, decode_head, decode_record, encode
from schemas.events import FundsReleased, FundsReserved, TransferPosted, UsageCharged
from schemas.topics import TOPIC_NAMED, Service
from services.audit.checkpoint import CheckpointError, VerifierKey, verify
from services.audit.tree import Tree, leaf_hashes
from streams.log import READ_LIMIT_MAX, LogReader, Stored
from streams.recovery import RULES, STATE_VERSION, State, snapshot
from streams.runner import cursor_name
from streams.scribe import Scribe

FINDINGS_MAX: Final = 100
_MONEY: Final = frozenset({"ledger", "grants"})
Progress = Callable[[int], None]


class Finding(NamedTuple):
    """Something that is not as it must be; `position` is -1 where no single record is meant."""

    position: int
    problem: str


class Report(NamedTuple):
    """`root` is the tree's over all records; no findings means right."""

    size: int
    root: bytes
    checkpoints: int
    findings: list[Finding]


def verify_log(
    log: LogReader,
    notes: Iterable[tuple[int, bytes]],
    verifier: VerifierKey,
    progress: Progress = lambda done: None,
) -> Report:
    """Check order, completeness, ledger and signed checkpoints of all records."""
    check, tree = _Check(), Tree()
    for group in _groups(log, tree, progress):
        for stored in group:
            check.take(stored)
    kept = list(notes)
    for size, note in kept:
        check.checkpoint(size, note, tree, verifier)
    if tree.size and not kept:
        check.found(-1, "there is no checkpoint to hold the records against")
    check.end()
    return Report(tree.size, tree.root(), len(kept), check.findings)


def replay_log(log: LogReader, progress: Progress = lambda done: None) -> Report:
    """Decide every input again, in the recorded order, and compare each record byte for byte."""
    replay, tree = _Replay(log.venue), Tree()
    for group in _groups(log, tree, progress):
        if not all(map(replay.take, group)):
            break
    else:
        replay.end(log)
    return Report(tree.size, tree.root(), 0, replay.findings)


class _Check:
    """What `verify_log` remembers from record to record."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._position = 0
        self._offsets: dict[str, int] = {}
        self._sequences: dict[str, int] = {}
        self._book = ledger.Ledger()

    def found(self, position: int, problem: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(position, problem))

    def take(self, stored: Stored) -> None:
        if stored.position != self._position:
            self.found(self._position, f"missing: the next record is {stored.position}")
        self._position = stored.position + 1
        try:
            head = decode_head(stored.body)
            topic = TOPIC_NAMED[head.topic]
        except (SchemaError, KeyError) as error:
            self.found(stored.position, f"unreadable: {error}")
            return
        expected = self._offsets.get(head.topic, 0)
        if head.offset != expected:
            self.found(stored.position, f"offset {head.offset} where {expected} must follow")
        self._offsets[head.topic] = head.offset + 1
        if head.source.partition("/")[2] != topic.writer:
            self.found(stored.position, f"{head.source} wrote to {head.topic}, which it may not")
        if topic.decided:
            expected = self._sequences.get(head.source, 1)
            if head.sequence != expected:
                self.found(
                    stored.position, f"sequence {head.sequence} where {expected} must follow"
                )
            self._sequences[head.source] = head.sequence + 1
        if head.topic in _MONEY:
            self._post(stored)

    def checkpoint(self, size: int, note: bytes, tree: Tree, key: VerifierKey) -> None:
        if size > tree.size:
            self.found(-1, f"a checkpoint speaks of {size} records, but there are {tree.size}")
            return
        try:
            said = verify(note, key)
        except CheckpointError as error:
            self.found(-1, f"checkpoint {size}: {error}")
            return
        if (said.size, said.root) != (size, tree.root(size)):
            self.found(size - 1, f"checkpoint {size}: the records up to it are not those signed")

    def end(self) -> None:
        sums: dict[str, int] = {}
        for account, amount in self._book.balances.items():
            currency = account.split("/")[1]
            sums[currency] = sums.get(currency, 0) + amount
        for currency, total in sums.items():
            if total:
                self.found(-1, f"the balances in {currency} sum to {total}, not to zero")

    def _post(self, stored: Stored) -> None:
        try:
            event = decode_record(stored.body).data
            if isinstance(event, FundsReserved | FundsReleased | TransferPosted | UsageCharged):
                ledger.apply(self._book, event)
        except (SchemaError, AssertionError, KeyError) as error:
            self.found(stored.position, f"does not fit the ledger: {error!r}")


class _Replay:
    """Each service decides its inputs again; what it then must have written waits to be
    compared.
    """

    def __init__(self, venue: str) -> None:
        self.findings: list[Finding] = []
        self.states: dict[Service, State] = {service: RULES[service].State() for service in RULES}
        self._scribe = Scribe(venue, {})
        self._expected: dict[Service, deque[tuple[int, Record]]] = {s: deque() for s in RULES}

    def take(self, stored: Stored) -> bool:
        """Compare a record and let its readers decide on it. False when going on makes no sense."""
        try:
            record = decode_record(stored.body)
        except SchemaError as error:
            return self._stop(stored.position, f"unreadable: {error}")
        writer = TOPIC_NAMED[record.topic].writer
        if writer in RULES and not self._matches(stored, record, writer):
            return False
        if writer not in RULES and stored.body != encode(record):
            return self._stop(stored.position, "these are not the canonical bytes of the record")
        for service in TAKERS[type(record.data)]:
            rules, state = RULES[service], self.states[service]
            cause = record.id
            for event in rules.decide(state, record.data):
                rules.evolve(state, event)
                made = self._scribe.write(event, record.correlationid, cause)
                self._expected[service].append((stored.position, made))
        return True

    def end(self, log: LogReader) -> None:
        """Whatever is still expected must come from inputs its service has not yet taken."""
        heads = log.heads()
        for service, expected in self._expected.items():
            taken = heads.get(cursor_name(service), 0)
            for cause, made in expected:
                if cause < taken:
                    name = type(made.data).__name__
                    self._stop(
                        cause, f"{service} must have written {name} on this record, and did not"
                    )
                    break
        for service, state in self.states.items():
            whole = not any(self._expected.values())
            for kept in log.snapshots(service.value) if whole else ():
                if kept[1:3] == (log.size, STATE_VERSION) and kept != snapshot(
                    service, state, log.size
                ):
                    self._stop(-1, f"the snapshot of {service} is not the fold of its events")

    def _matches(self, stored: Stored, record: Record, writer: Service) -> bool:
        if record.rulesversion != RULES_VERSION:
            return self._stop(
                stored.position,
                f"was made by rules {record.rulesversion}, these are {RULES_VERSION}: no replay",
            )
        if not self._expected[writer]:
            return self._stop(stored.position, f"{writer} had no reason to write {_name(record)}")
        _, made = self._expected[writer].popleft()
        if encode(made) != stored.body:
            differing = ", ".join(_differences(made, record)) or "the bytes are not canonical"
            return self._stop(
                stored.position, f"the rules give {_name(made)} otherwise: {differing}"
            )
        return True

    def _stop(self, position: int, problem: str) -> bool:
        self.findings.append(Finding(position, problem))
        return False


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


def _groups(log: LogReader, tree: Tree, progress: Progress) -> Iterator[Sequence[Stored]]:
    """Yield all records in order, a group at a time, each taken into the tree."""
    position = 0
    while stored := log.read(position, READ_LIMIT_MAX):
        tree.append(leaf_hashes([body for _, body in stored]))
        tree.flush()
        yield stored
        position = stored[-1].position + 1
        progress(position)
