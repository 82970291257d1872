"""`audit verify`: is the trace whole, and is it what was signed?

Nothing is trusted but the records and the public key: the tree and the ledger are computed again.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Final

from market import ledger
from schemas.base import SchemaError
from schemas.envelope import decode_head, decode_record
from schemas.events import FundsReleased, FundsReserved, TransferPosted, UsageCharged
from schemas.events.trail import InputsTaken
from schemas.topics import INPUTS, TOPIC_NAMED
from services.audit.checkpoint import CheckpointError, VerifierKey, verify
from services.audit.findings import Finding, Progress, Report, groups, in_steps
from services.audit.tree import Tree
from streams.log import LogReader, Stored

FINDINGS_MAX: Final = 100
_MONEY: Final = frozenset({"ledger", "grants"})
_INPUTS: Final = frozenset().union(*INPUTS.values())


def verify_log(
    log: LogReader,
    notes: Iterable[tuple[int, bytes]],
    verifier: VerifierKey,
    progress: Progress = lambda done: None,
) -> Report:
    """Check order, completeness, ledger and signed checkpoints of all records."""
    check, tree = _Check(in_steps=in_steps(log)), Tree()
    for group in groups(log, tree, progress):
        for stored in group:
            check.take(stored)
    kept = list(notes)
    for size, note in kept:
        check.checkpoint(size, note, tree, verifier)
    if tree.size and not kept:
        check.found(-1, "there is no checkpoint to hold the records against")
    check.end()
    return Report(tree.size, tree.root(), len(kept), check.findings)


class _Check:
    """What `verify_log` remembers from record to record."""

    def __init__(self, *, in_steps: bool) -> None:
        self.findings: list[Finding] = []
        self._in_steps = in_steps
        self._position = 0
        self._commits: dict[str, int] = {}
        self._untaken: dict[str, deque[int]] = defaultdict(deque)
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
        holes = self._in_steps and head.offset > expected  # transaction markers
        if head.offset != expected and not holes:
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
        if self._in_steps:
            self._take(stored, head.topic, head.offset)

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

    def _take(self, stored: Stored, topic: str, offset: int) -> None:
        """Hold each seal against the inputs before it, so that none can be dropped unseen."""
        if topic in _INPUTS:
            self._untaken[topic].append(offset)
        elif topic.endswith(".inputs"):
            try:
                seal = decode_record(stored.body).data
            except SchemaError as error:
                self.found(stored.position, f"unreadable: {error}")
                return
            assert isinstance(seal, InputsTaken), "this topic carries nothing else"
            self._check_seal(stored.position, topic, seal)

    def _check_seal(self, position: int, topic: str, seal: InputsTaken) -> None:
        expected = self._commits.get(topic, 0) + 1
        if seal.commit != expected:
            self.found(position, f"commit {seal.commit} where {expected} must follow")
        self._commits[topic] = seal.commit
        writer = TOPIC_NAMED[topic].writer.value
        written = max(
            (s - 1 for source, s in self._sequences.items() if source.endswith(f"/{writer}")),
            default=0,
        )
        if seal.sequence != written:
            self.found(position, f"seals up to event {seal.sequence}, but {written} are there")
        for taken in seal.ranges:
            waiting = self._untaken[taken.topic]
            some = [waiting.popleft() for _ in range(min(taken.count, len(waiting)))]
            if len(some) != taken.count or (some[0], some[-1]) != (taken.first, taken.last):
                self.found(position, f"took other records of {taken.topic} than there are")

    def _post(self, stored: Stored) -> None:
        try:
            event = decode_record(stored.body).data
            if isinstance(event, FundsReserved | FundsReleased | TransferPosted | UsageCharged):
                ledger.apply(self._book, event)
        except (SchemaError, AssertionError, KeyError) as error:
            self.found(stored.position, f"does not fit the ledger: {error!r}")
