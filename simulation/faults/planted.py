"""Bugs as one makes them, one at a time, a few lines each: what the laboratory must find.

A bug of the driver is a Worker or Gateway that does one step otherwise; a bug of a rule stands
around the service's `decide` and changes what it sees or says.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from msgspec.structs import replace

from market.memory import Memory
from schemas import events as e
from schemas.auctions import UniformTerms
from schemas.base import Command, Event
from schemas.catalogue import AuctionOffer, MeteredOffer
from schemas.commands import Refund
from schemas.envelope import Message, Record
from schemas.ids import derive_id
from schemas.topics import Service
from simulation.faults.topics import Draft, Positions, Snapshot, Transaction
from simulation.faults.worker import Clock, Point, Worker
from simulation.faults.world import Gateway, Plant

Decide = Callable[[Any, Message], list[Event]]
Change = Callable[[Event], list[Event]]


# --- the driver -----------------------------------------------------------------------------------


class OffsetsFirst(Worker):
    def write(
        self,
        transaction: Transaction,
        inputs: Sequence[Record],
        drafts: list[Draft],
        consumed: Positions,
        snapshot: Snapshot | None,
    ) -> Iterator[Point]:
        self.topics.committed[self.service] |= consumed
        yield Point.OFFSETS_SENT
        yield from super().write(transaction, inputs, drafts, {}, snapshot)


class EventsAtOnce(Worker):
    def write(
        self,
        transaction: Transaction,
        inputs: Sequence[Record],
        drafts: list[Draft],
        consumed: Positions,
        snapshot: Snapshot | None,
    ) -> Iterator[Point]:
        for draft in drafts:
            self.topics.append(draft)
            yield Point.EVENT_WRITTEN
        yield from super().write(transaction, inputs, [], consumed, snapshot)


class SealFirst(Worker):
    def write(
        self,
        transaction: Transaction,
        inputs: Sequence[Record],
        drafts: list[Draft],
        consumed: Positions,
        snapshot: Snapshot | None,
    ) -> Iterator[Point]:
        if inputs:
            self.topics.append(self.seal(inputs))
            yield Point.SEALED
        yield from super().write(transaction, [], drafts, consumed, snapshot)


class KeptAfterFailure(Worker):
    def after_failure(self) -> Worker | None:
        return self


class LateSnapshot(Worker):
    """The state is taken after the batch was decided, its place before."""

    def snapshot_if_due(self) -> Snapshot | None:
        self._due = super().snapshot_if_due()
        return None

    def write(
        self,
        transaction: Transaction,
        inputs: Sequence[Record],
        drafts: list[Draft],
        consumed: Positions,
        snapshot: Snapshot | None,
    ) -> Iterator[Point]:
        late = self._due and self._due._replace(body=self.snapshot().body)
        yield from super().write(transaction, inputs, drafts, consumed, late)


class RecoversUnfenced(Worker):
    def take_over(self) -> Iterator[Point]:
        self.recover()
        yield Point.RECOVERED
        self.epoch = self.topics.fence(self.service)
        yield Point.FENCED


class ByArrival(Worker):
    """Takes what was stamped first instead of what stands first in the log."""

    def read(self, topic: str, limit: int) -> list[Record]:
        return sorted(super().read(topic, limit), key=lambda record: record.data.at_ms)


class CountsOffsets(Worker):
    """Goes on after as many offsets as there were records, as if there were no holes."""

    def work(self, limits: Positions) -> Iterator[Point]:
        before = dict(self.taken)
        yield from super().work(limits)
        for topic, offset in self.taken.items():
            begin = before.get(topic, 0)
            there = [r for r in self.topics.read(topic, begin) if r.offset < offset]
            self.taken[topic] = begin + len(there)


class Impatient(Worker):
    """Says a deadline has come when it is the next."""

    grace_ms = -1_000


class NewIdEachTime(Gateway):
    def renamed(self, command: Command) -> Command:
        return replace(command, id=f"{command.id}again")


# --- the rules ------------------------------------------------------------------------------------


def changed(change: Change) -> Callable[[Decide, Clock], Decide]:
    """Return a rule under which each event becomes what `change` says."""

    def wrap(decide: Decide, clock: Clock) -> Decide:
        return lambda state, message: [
            other for event in decide(state, message) for other in change(event)
        ]

    return wrap


def seen(see: Callable[[Any], Any]) -> Callable[[Decide, Clock], Decide]:
    """Return a rule that decides on another state than the service has."""
    return lambda decide, clock: lambda state, message: decide(see(state), message)


def no_memory(state: Any) -> Any:
    return replace(state, memory=Memory())


def one_licence_more(state: Any) -> Any:
    auctions = {
        id: replace(auction, terms=replace(auction.terms, licences=auction.terms.licences + 1))
        if isinstance(auction.terms, UniformTerms)
        else auction
        for id, auction in state.auctions.items()
    }
    return replace(state, auctions=auctions)


def later_bids_first(state: Any) -> Any:
    auctions = {
        id: replace(auction, standing=dict(reversed(auction.standing.items())))
        for id, auction in state.auctions.items()
    }
    return replace(state, auctions=auctions)


def by_the_wall_clock(decide: Decide, clock: Clock) -> Decide:
    def wrapped(state: Any, message: Message) -> list[Event]:
        now_ms = clock(Service.SETTLEMENT)
        return [
            replace(event, at_ms=now_ms) if isinstance(event, e.UsageRecorded) else event
            for event in decide(state, message)
        ]

    return wrapped


def fired_twice(decide: Decide, clock: Clock) -> Decide:
    """What is due happens, and happens once more."""
    return lambda state, message: decide(state, message) * (1 + isinstance(message, e.TimeAdvanced))


def in_floats(event: Event) -> list[Event]:
    if isinstance(event, e.FundsReserved) and event.reserved_minor:
        return [replace(event, reserved_minor=event.reserved_minor * 1.0)]
    return [event]


def released_twice(event: Event) -> list[Event]:
    return [event, event] if isinstance(event, e.FundsReleased) else [event]


def released_not_at_all(decide: Decide, clock: Clock) -> Decide:
    """A bid that gave way to another of its bidder keeps its money."""
    return lambda state, message: (
        [] if isinstance(message, e.BidSuperseded) else decide(state, message)
    )


def refund_rounded_away(event: Event) -> list[Event]:
    """The smallest share of a refund is lost."""
    if isinstance(event, e.TransferPosted) and isinstance(event.request, Refund):
        legs = tuple(leg for leg in event.legs if leg.amount_minor != -1)
        return [replace(event, legs=legs)]
    return [event]


def prepaid_kept(event: Event) -> list[Event]:
    """What is left prepaid stays when the grant ends."""
    returned = isinstance(event, e.TransferPosted) and event.id.startswith("rfd_")
    return [] if returned else [event]


def grant_of_the_deal(decide: Decide, clock: Clock) -> Decide:
    """The id of a grant is derived from the auction, of which several may have bought."""

    def wrapped(state: Any, message: Message) -> list[Event]:
        deal_id = message.deal_id if isinstance(message, e.TradeExecuted) else ""
        return [
            replace(event, id=derive_id(deal_id, "grt"))
            if isinstance(event, e.GrantIssued)
            else event
            for event in decide(state, message)
        ]

    return wrapped


def dealt_twice(event: Event) -> list[Event]:
    """A subscription is dealt, and dealt again."""
    metered = isinstance(event, e.TradeExecuted) and isinstance(event.offer, MeteredOffer)
    return [event, event] if metered else [event]


def one_more_than_bid(event: Event) -> list[Event]:
    if isinstance(event, e.TradeExecuted) and isinstance(event.offer, AuctionOffer):
        return [replace(event, price_minor=event.price_minor + 1)]
    return [event]


def free_forgotten(decide: Decide, clock: Clock) -> Decide:
    """Settlement has nothing to do for what costs nothing."""

    def wrapped(state: Any, message: Message) -> list[Event]:
        free = isinstance(message, e.TradeExecuted) and not message.price_minor
        return [] if free else decide(state, message)

    return wrapped


def granted_unpaid(event: Event) -> list[Event]:
    """A free grant for a trade that has a price: nothing is moved, the right is issued."""
    paid = isinstance(event, e.TransferPosted) and event.hold_id
    return [] if paid or isinstance(event, e.FundsReleased) else [event]


_S, _M = Service.SETTLEMENT, Service.MATCHING
PLANTS: Final = {
    plant.name: plant
    for plant in (
        Plant("commit-before-effect", "offsets are committed before effects", worker=OffsetsFirst),
        Plant("effect-before-commit", "events are written outside", worker=EventsAtOnce),
        Plant("seal-without-events", "the seal is written before its events", worker=SealFirst),
        Plant("state-kept", "the state outlives a commit that failed", worker=KeptAfterFailure),
        Plant("late-snapshot", "a snapshot has a batch its place has not", worker=LateSnapshot),
        Plant(
            "late-fence", "the state is read before the other is fenced", worker=RecoversUnfenced
        ),
        Plant("order-by-arrival", "by stamps instead of the log", worker=ByArrival),
        Plant("offsets-counted", "offsets are taken to have no holes", worker=CountsOffsets),
        Plant("deadline-early", "a deadline fires before its time", worker=Impatient),
        Plant("wrong-id", "said again under a new id", gateway=NewIdEachTime),
        Plant("no-dedup", "settlement forgets what it answered", decide={_S: seen(no_memory)}),
        Plant("deadline-twice", "what is due happens twice", decide={_M: fired_twice}),
        Plant("wall-clock", "uses are stamped by the wall clock", decide={_S: by_the_wall_clock}),
        Plant("float-money", "what is locked is a float", decide={_S: changed(in_floats)}),
        Plant("released-twice", "a hold is released twice", decide={_S: changed(released_twice)}),
        Plant("never-released", "replaced bids keep money", decide={_S: released_not_at_all}),
        Plant(
            "refund-rounding", "a refund loses a unit", decide={_S: changed(refund_rounded_away)}
        ),
        Plant("prepaid-kept", "what is prepaid is kept", decide={_S: changed(prepaid_kept)}),
        Plant("grant-of-the-deal", "winners share a grant's id", decide={_S: grant_of_the_deal}),
        Plant("granted-unpaid", "a right without its price", decide={_S: changed(granted_unpaid)}),
        Plant("one-licence-more", "one sold beyond the last", decide={_M: seen(one_licence_more)}),
        Plant("dealt-twice", "a subscription is dealt twice", decide={_M: changed(dealt_twice)}),
        Plant("one-more-than-bid", "a price above", decide={_M: changed(one_more_than_bid)}),
        Plant("free-forgotten", "no grant for what is free", decide={_S: free_forgotten}),
        Plant(
            "tie-to-the-later", "equal bids: the later wins", decide={_M: seen(later_bids_first)}
        ),
    )
}
