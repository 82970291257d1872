"""What an observer of the topics keeps, to say whether what comes next may be."""

from collections import defaultdict
from typing import Any, Final, NamedTuple

from schemas import events as e
from schemas.auctions import AuctionTerms
from schemas.base import Command
from schemas.envelope import Message, Record
from schemas.events.trail import InputsTaken
from schemas.postings import TransferKind
from schemas.reasons import Refusal
from schemas.topics import DECIDERS, Service
from simulation.faults.topics import Topics
from simulation.faults.worker import Rules

SETTLING: Final = (TransferKind.PURCHASE, TransferKind.PREPAYMENT)


class Decided(NamedTuple):
    """What an input brings when it is decided upon again, and what was written of it."""

    input: Record
    events: list[Message]
    written: list[Record]


class Books:
    """Facts read off the records alone. `states` are folds of the events that are sealed; `wishes`
    says by a command's id what its sender wanted.
    """

    def __init__(self, topics: Topics, rules: dict[Service, Rules], wishes: dict[str, int]) -> None:
        self.topics = topics
        self.rules = rules
        self.wishes = wishes
        self.clock_ms = 0  # the latest any clock has shown
        self.states: dict[Service, Any] = {s: rules[s].new_state() for s in DECIDERS}
        self.sequences: dict[Service, int] = dict.fromkeys(DECIDERS, 0)
        self.commits: dict[Service, int] = dict.fromkeys(DECIDERS, 0)
        self.taken: dict[tuple[Service, str], int] = defaultdict(int)
        self.unsealed: dict[Service, list[Record]] = {service: [] for service in DECIDERS}
        self.decided: list[Decided] = []  # by the seal looked at
        self.effects: dict[int, int] = defaultdict(int)
        self.clocks: dict[Service, int] = dict.fromkeys(DECIDERS, 0)  # as the services saw them
        self.trades: dict[str, e.TradeExecuted] = {}
        self.requests_traded: set[str] = set()
        self.holds_paid: set[str] = set()
        self.settled: dict[str, e.TransferPosted] = {}
        self.grants: dict[str, e.GrantIssued] = {}
        self.trades_granted: set[str] = set()
        self.terms: dict[str, AuctionTerms] = {}
        self.sold: dict[str, int] = defaultdict(int)
        self.bids: dict[str, dict[str, e.BidPlaced]] = defaultdict(dict)  # that were not replaced
        self.reserved: set[tuple[str, str]] = set()  # (hold, request) that have not ended

    def note(self, record: Record) -> None:
        """Take up what a record says."""
        message = record.data
        match message:
            case InputsTaken():
                self._note_seal(record)
            case e.FundsReserved():
                self.reserved.add(need_of(message))
            case e.FundsReleased():
                self.reserved.discard((message.hold_id, message.request_id))
            case e.TransferPosted() if message.kind in SETTLING:
                self.settled[message.cause_id] = message
                self.holds_paid.add(message.hold_id)
            case e.GrantIssued():
                self.grants[message.id] = message
                self.trades_granted.add(message.trade_id)
            case e.TradeExecuted():
                self.trades[message.id] = message
                self.requests_traded.add(message.request_id)
                self.sold[message.deal_id] += message.quantity
            case e.AuctionOpened():
                self.terms[message.id] = message.terms
            case e.BidPlaced():
                self.bids[message.auction_id][message.bid_id] = message
            case e.BidSuperseded():
                self.bids[message.auction_id].pop(message.bid_id, None)
        if record.sequence:
            service = service_of(record)
            self.sequences[service] = max(self.sequences[service], record.sequence)
            self.unsealed[service].append(record)

    def look_at(self, seal: Record) -> None:
        """Decide again on what a seal names, in its order; the state follows."""
        assert isinstance(seal.data, InputsTaken), "nothing else names inputs"
        service = service_of(seal)
        rules, state = self.rules[service], self.states[service]
        written: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(self.unsealed[service], key=lambda record: record.sequence):
            written[record.causationid].append(record)
        self.decided = []
        for run in seal.data.ranges:
            for taken in self.topics.read(run.topic, run.first, run.count):
                events = rules.decide(state, taken.data)
                for event in events:
                    rules.evolve(state, event)
                here = written[taken.id]
                self.decided.append(Decided(taken, list(events), here[: len(events)]))
                written[taken.id] = here[len(events) :]

    def _note_seal(self, record: Record) -> None:
        seal, service = record.data, service_of(record)
        assert isinstance(seal, InputsTaken), "it was matched as one"
        self.commits[service] = seal.commit
        self.unsealed[service].clear()
        for run in seal.ranges:
            self.taken[service, run.topic] = run.last + 1
        for input, events, _ in self.decided:
            if events and isinstance(input.data, Command) and not is_answer_only(events):
                wish = self.wishes.get(input.data.id)
                if wish is not None:
                    self.effects[wish] += 1


def service_of(record: Record) -> Service:
    return Service(record.source.partition("/")[2])


def need_of(event: e.FundsReserved) -> tuple[str, str]:
    request = event.request
    deal = getattr(request, "auction_id", request.id)
    party = getattr(request, "bidder_id", None) or getattr(request, "buyer_id", "")
    return f"{deal}/{party}", request.id


def is_answer_only(events: list[Message]) -> bool:
    """Whether these events only say that the command comes too late."""
    return all(getattr(event, "reason", None) == Refusal.STALE for event in events)
