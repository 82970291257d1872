"""The watch of a venue: what it remembers of each stream, and what it says to the next event."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from market.watch import bidding, bursts, control, index, prices, refusals, statistics
from market.watch.bidding import Bidding
from market.watch.bursts import Bursts
from market.watch.control import Control
from market.watch.facts import (
    Admitted,
    Charged,
    Described,
    Ended,
    Opened,
    Placed,
    Refused,
    Seen,
    Traded,
    Unsold,
    Used,
)
from market.watch.index import Index
from market.watch.refusals import Refusals
from market.watch.statistics import Statistics
from market.watch.windows import QUARTER_MS, open_from_ms
from schemas.base import Event
from schemas.topics import OUTPUTS, Service

FIELDS_MAX: Final = 100_000  # listings whose field is known


class Found(NamedTuple):
    """`cause` is the event that made it known."""

    event: Event
    cause: Seen


class Deals(msgspec.Struct, kw_only=True):
    """Of matching's events. `next_sequence` is the next to be taken; what came from the other topic
    ahead of it is `held`, by sequence.
    """

    next_sequence: int = 1
    held: dict[str, Seen] = {}
    now_ms: int = 0
    fields: dict[str, str] = {}
    statistics: Statistics = msgspec.field(default_factory=Statistics)
    index: Index = msgspec.field(default_factory=Index)
    bidding: Bidding = msgspec.field(default_factory=Bidding)
    refusals: Refusals = msgspec.field(default_factory=Refusals)
    control: Control = msgspec.field(default_factory=Control)

    @property
    def taken(self) -> int:
        """The sequence up to which all is taken."""
        return self.next_sequence - 1


class Use(msgspec.Struct, kw_only=True):
    """Of settlement's events on `grants`; `taken` is the sequence of the last one."""

    taken: int = 0
    now_ms: int = 0
    statistics: Statistics = msgspec.field(default_factory=Statistics)
    refusals: Refusals = msgspec.field(default_factory=Refusals)
    bursts: Bursts = msgspec.field(default_factory=Bursts)


class State(msgspec.Struct, kw_only=True):
    deals: Deals = msgspec.field(default_factory=Deals)
    use: Use = msgspec.field(default_factory=Use)


DEALS_TOPICS: Final = OUTPUTS[Service.MATCHING]
USE_TOPICS: Final = frozenset({"grants"})
TOPICS: Final = DEALS_TOPICS | USE_TOPICS


def observe(state: State, topic: str, seen: Seen) -> list[Found]:
    """Take an event of one of `TOPICS`, in the order of its topic; the topics may be read in any
    order. An event that was taken before changes nothing.
    """
    if topic in DEALS_TOPICS:
        return observe_deals(state.deals, seen)
    return observe_use(state.use, seen)


def observe_deals(state: Deals, seen: Seen) -> list[Found]:
    """A gap in the sequence is an event of the other topic that was written before this one, so
    waiting for it always ends.
    """
    if seen.sequence != state.next_sequence:
        if seen.sequence > state.next_sequence:
            state.held[str(seen.sequence)] = seen
        return []
    state.next_sequence += 1
    found = [Found(event, seen) for event in _deal(state, seen)]
    while state.held and (following := state.held.pop(str(state.next_sequence), None)):
        state.next_sequence += 1
        found += [Found(event, following) for event in _deal(state, following)]
    return found


def observe_use(state: Use, seen: Seen) -> list[Found]:
    if seen.sequence <= state.taken:
        return []
    state.taken = seen.sequence
    return [Found(event, seen) for event in _use(state, seen)]


def _deal(state: Deals, seen: Seen) -> Iterator[Event]:
    if seen.at_ms > state.now_ms:
        before_ms, state.now_ms = state.now_ms, seen.at_ms
        if _something_closes(before_ms, seen.at_ms):
            yield from statistics.close_deals(state.statistics, before_ms, seen.at_ms)
            yield from index.close(state.index, before_ms, seen.at_ms)
            yield from bidding.close_bidding(state.bidding, before_ms, seen.at_ms)
            yield from refusals.close_refusals(state.refusals, "deals", before_ms, seen.at_ms)
    match seen.fact:
        case None:
            return
        case Placed() as fact:
            day = statistics.tally(state.statistics, seen.at_ms, state.now_ms)
            statistics.add(day, "bids")
            statistics.name(day, "bidders", fact.bidder_id)
            bidding.placed(state.bidding, fact, seen)
        case Refused() as fact:
            statistics.add(statistics.tally(state.statistics, seen.at_ms, state.now_ms), "refused")
            refusals.refused(state.refusals, fact.party_id, seen, state.now_ms)
        case Traded() as fact:
            yield from _trade(state, fact, seen)
        case Opened() as fact:
            bidding.opened(state.bidding, fact)
        case Unsold() as fact:
            bidding.ended(state.bidding, fact, seen.at_ms, state.now_ms)
        case Described() as fact:
            if fact.listing_id in state.fields or len(state.fields) < FIELDS_MAX:
                state.fields[fact.listing_id] = fact.field
        case Admitted() as fact:
            yield from control.admitted(state.control, fact, seen)


def _trade(state: Deals, fact: Traded, seen: Seen) -> Iterator[Event]:
    at_ms, now_ms = seen.at_ms, state.now_ms
    day = statistics.tally(state.statistics, at_ms, now_ms)
    statistics.add(day, fact.mode)
    statistics.pay(day, fact.currency, fact.paid_minor)
    statistics.name(day, "buyers", fact.buyer_id)
    statistics.name(day, "suppliers", fact.supplier_id)
    statistics.name(day, "data_sets", fact.data_set_id)
    if fact.mode == "auction":
        statistics.add(day, "licences", fact.quantity)
        bidding.ended(state.bidding, fact, at_ms, now_ms)
    yield from control.dealt(state.control, fact, seen)
    yield from prices.price_jump(fact, index.expected_price(state.index, fact), seen)
    field = state.fields.get(fact.listing_id)
    if field is not None:
        index.count(state.index, fact, field, at_ms, now_ms)


def _use(state: Use, seen: Seen) -> Iterator[Event]:
    if seen.at_ms > state.now_ms:
        before_ms, state.now_ms = state.now_ms, seen.at_ms
        if _something_closes(before_ms, seen.at_ms):
            yield from statistics.close_use(state.statistics, before_ms, seen.at_ms)
            yield from refusals.close_refusals(state.refusals, "use", before_ms, seen.at_ms)
    match seen.fact:
        case Used() as fact:
            day = statistics.tally(state.statistics, seen.at_ms, state.now_ms)
            statistics.add(day, "uses")
            statistics.name(day, "buyers", fact.buyer_id)
            statistics.name(day, "grants", fact.grant_id)
            yield from bursts.used(state.bursts, fact, seen)
        case Charged() as fact:
            day = statistics.tally(state.statistics, seen.at_ms, state.now_ms)
            statistics.pay(day, fact.currency, fact.amount_minor)
        case Refused() as fact:
            statistics.add(statistics.tally(state.statistics, seen.at_ms, state.now_ms), "refused")
            refusals.refused(state.refusals, fact.party_id, seen, state.now_ms)
        case Ended() as fact:
            state.bursts.grants.pop(fact.grant_id, None)


def _something_closes(before_ms: int, now_ms: int) -> bool:
    return open_from_ms(before_ms, QUARTER_MS) != open_from_ms(now_ms, QUARTER_MS)
