"""The loop of a simulated market: one queue in virtual time, the market's own rules, and agents.

The queue is ordered by time and, among equals, by who came first. Before anything happens at a time
all that is due by then has happened. An agent hears of what it follows, by key, and nothing else:
an auction, a listing, an access request, or itself. What is sealed never has another's key.
"""

import heapq
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple, Protocol

from market.ledger import hold_of
from market.venue import Emission
from schemas import events as e
from schemas.base import Command, Event
from schemas.ids import make_id
from schemas.parties import VenueTerms
from simulation.chance import Chance
from simulation.lot import Lot
from simulation.stage import Stage

# By which of its fields an event is followed. A bid's own events go to its bidder alone, and
# refused funds to who should have paid.
FOLLOWED_BY: Final[dict[type, tuple[str, ...]]] = {
    e.AuctionOpened: ("listing_id", "supplier_id"),
    e.AuctionExtended: ("auction_id",),
    e.AuctionClosedUnsold: ("auction_id",),
    e.AuctionCancelled: ("auction_id",),
    e.BidPlaced: ("bidder_id",),
    e.BidOutbid: ("bidder_id",),
    e.BidRejected: ("bidder_id",),
    e.BidLost: ("bidder_id",),
    e.FundsRefused: (),
    e.TradeExecuted: ("deal_id", "buyer_id"),
    e.GrantIssued: ("buyer_id",),
    e.SubscriptionRejected: ("buyer_id",),
    e.UsageCharged: ("buyer_id",),
    e.UsageRefused: ("buyer_id",),
    e.AccessRequested: ("listing_id",),
    e.AccessReviewed: ("supplier_id",),
    e.AccessDecided: ("listing_id",),
    e.SubscriptionPushed: ("buyer_id",),
}


class Agent(Protocol):
    """Who takes part. `name` is its party's id; both calls may say commands and ask to be woken."""

    name: str

    def wake(self, desk: "Desk") -> None:
        """The time it asked for has come."""

    def hear(self, event: Event, desk: "Desk") -> None:
        """Something it follows has happened."""


class Character(NamedTuple):
    """What a bidder truly is; `role` is "" for those who bid for themselves alone."""

    strategy: str
    role: str


class Desk:
    """An agent's place at the market: its clock, its randomness, and its way to say something."""

    __slots__ = ("_count", "_kernel", "_key", "agent", "draw")

    def __init__(self, kernel: "Kernel", agent: Agent, key: str) -> None:
        self._kernel = kernel
        self._key = key
        self._count = 0
        self.agent = agent
        self.draw = self.stream("acts")

    @property
    def now_ms(self) -> int:
        return self._kernel.now_ms

    def stream(self, *purpose: str) -> Random:
        """Return a random stream of this agent's own, from its beginning."""
        kernel = self._kernel
        return kernel.chance.stream(kernel.replication, self._key, *purpose)

    def id(self, role: str) -> str:
        self._count += 1
        return make_id(role, self._key, str(self._count))

    def nonce(self) -> str:
        return f"{self.draw.getrandbits(128):032x}"

    def say(self, command: Command) -> None:
        """Put a command behind what waits for its time, which is not in the past."""
        self._kernel.put(command.at_ms, command)

    def wake_at(self, at_ms: int) -> None:
        self._kernel.put(at_ms, self)

    def follow(self, key: str) -> None:
        """Hear of every event with this key from now on."""
        self._kernel.followers.setdefault(key, {})[self] = None

    def leave(self, key: str) -> None:
        self._kernel.followers.get(key, {}).pop(self, None)

    def lot(self, auction_id: str) -> Lot:
        return self._kernel.lots[auction_id]

    def note_value(self, auction_id: str, value_minor: int) -> None:
        """Keep what the auction is truly worth to this agent, for the figures alone."""
        self._kernel.values.setdefault(auction_id, {})[self.agent.name] = value_minor


class Kernel:
    """Drives one venue. `values`, by auction and bidder, and `characters`, by bidder, are ground
    truth that no rule sees.
    """

    def __init__(
        self, terms: VenueTerms, start_ms: int, chance: Chance, replication: int = 0
    ) -> None:
        self.chance = chance
        self.replication = replication
        self.now_ms = start_ms
        self.followers: dict[str, dict[Desk, None]] = {}
        self.lots: dict[str, Lot] = {}
        self.values: dict[str, dict[str, int]] = {}
        self.characters: dict[str, Character] = {}
        self._queue: list[tuple[int, int, Command | Desk]] = []
        self._sequence = 0
        self._happened: list[list[Emission]] = []
        self.stage = Stage(terms, start_ms, self._watch)

    def join(self, agent: Agent, at_ms: int, key: str = "") -> Desk:
        """Let an agent take part; it is woken at `at_ms` and hears of itself from now on. `key` is
        what its randomness and ids are made of: its own where a party has several agents.
        """
        desk = Desk(self, agent, key or agent.name)
        desk.follow(agent.name)
        desk.wake_at(at_ms)
        return desk

    def put(self, at_ms: int, what: Command | Desk) -> None:
        assert at_ms >= self.now_ms, "nothing is put into the past"
        self._sequence += 1
        heapq.heappush(self._queue, (at_ms, self._sequence, what))

    def run(self, until_ms: int) -> Iterator[list[Emission]]:
        """Yield each cascade as it has happened, those of setting up first, up to `until_ms`."""
        yield from self._taken()
        queue, stage = self._queue, self.stage
        while True:
            due_ms = stage.venue.next_deadline()
            next_ms = queue[0][0] if queue else until_ms + 1
            if due_ms is not None and due_ms <= min(next_ms, until_ms):
                self.now_ms = max(self.now_ms, due_ms)
                stage.advance_once()
            elif next_ms <= until_ms:
                self.now_ms, _, what = heapq.heappop(queue)
                if isinstance(what, Desk):
                    what.agent.wake(what)
                else:
                    stage.say(what)
            else:
                break
            if self._happened:
                yield from self._taken()
        self.now_ms = max(self.now_ms, until_ms)

    def _taken(self) -> list[list[Emission]]:
        happened, self._happened = self._happened, []
        return happened

    def _watch(self, cascade: list[Emission]) -> None:
        self._happened.append(cascade)
        for message, _ in cascade:
            fields = FOLLOWED_BY.get(type(message))
            if fields is None:
                continue
            self._see(message)
            if isinstance(message, e.FundsRefused):
                keys = [hold_of(message.request)[1]]
            else:
                keys = [getattr(message, field) for field in fields]
            for key in keys:
                if desks := self.followers.get(key):
                    for desk in tuple(desks):
                        desk.agent.hear(message, desk)  # type: ignore[arg-type]  # an event

    def _see(self, message: Command | Event) -> None:
        match message:
            case e.BidPlaced():
                self.lots[message.auction_id].price_minor = message.price_minor
            case e.AuctionOpened():
                self.lots[message.id] = Lot(message.id, message.terms, message.listing_id)
            case e.AuctionExtended():
                self.lots[message.auction_id].ends_at_ms = message.ends_at_ms
