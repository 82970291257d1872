"""One service's part of a venue, step by step: inputs in, decisions and their seal out. No I/O."""

from collections.abc import Sequence
from types import ModuleType
from typing import Final, NamedTuple

from market.steps import seal
from schemas.envelope import Message, Record
from schemas.events import MatchingDeadLetter, SettlementDeadLetter
from schemas.events.trail import DeadLetter
from schemas.topics import Service
from streams.recovery import RULES, State
from streams.scribe import Scribe

DEAD_LETTERS: Final[dict[Service, type[DeadLetter]]] = {
    Service.MATCHING: MatchingDeadLetter,
    Service.SETTLEMENT: SettlementDeadLetter,
}


class Input(NamedTuple):
    """A record taken from a topic, as far as a service needs it."""

    topic: str
    offset: int
    message: Message
    id: str
    correlationid: str


class Stepper:
    """Decides on batches of inputs. After an error, or a commit that failed, it is ahead of the
    log and must be dropped.
    """

    def __init__(
        self,
        service: Service,
        venue: str,
        state: State | None = None,
        sequence: int = 0,
        commit: int = 0,
    ) -> None:
        self.service = service
        self.state: State = state or RULES[service].State()
        self.commit = commit
        self._scribe = Scribe(venue, {service.value: sequence})

    @property
    def sequence(self) -> int:
        return self._scribe.heads[self.service.value]

    def take(self, inputs: Sequence[Input]) -> list[Record]:
        """Return what the service writes on these inputs: its events, and last the seal over what
        it took.
        """
        assert inputs, "a commit takes at least one input"
        records: list[Record] = []
        for taken in inputs:
            records += decide(
                RULES[self.service],
                self.state,
                self._scribe,
                taken.message,
                taken.id,
                taken.correlationid,
            )
        return [*records, self._seal(inputs)]

    def _seal(self, inputs: Sequence[Input]) -> Record:
        self.commit += 1
        at_ms = max(taken.message.at_ms for taken in inputs)
        made = seal(self.service, inputs, at_ms, self.commit, self.sequence)
        return self._scribe.write(made, "")


def decide(
    rules: ModuleType, state: State, scribe: Scribe, message: Message, cause: str, root: str
) -> list[Record]:
    """Let a service decide on a message and take in what it decided; return that as records."""
    records = []
    for event in rules.decide(state, message):
        rules.evolve(state, event)
        records.append(scribe.write(event, root, cause))
    return records
