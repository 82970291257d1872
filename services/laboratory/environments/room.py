"""Auctions held one after the other in one venue, some of whose bidders are asked from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from msgspec.structs import replace

from schemas import events as e
from schemas.auctions import AuctionTerms
from schemas.base import Event
from schemas.catalogue import AuctionOffer
from schemas.commands import PlaceBid
from schemas.parties import Role, VenueTerms
from services.laboratory.strategies import strategies
from simulation.agents.buyers import Buyer
from simulation.agents.crowd import Crowd, Market
from simulation.agents.suppliers import Auctioneer, FixedReserve
from simulation.chance import Chance
from simulation.filler import CONTENT, entry
from simulation.kernel import Desk, Kernel
from simulation.lot import Lot
from simulation.theory.bidding import truthful
from simulation.theory.drawn_auctions import Format
from simulation.theory.experiments import TERMS, UNIT, Drawn
from simulation.theory.house import CURRENCY, START_MS

SUPPLIER: Final = "pty_supplier"
LISTING: Final = "lst_room"
PAUSE_MS: Final = 1_000  # between auctions
RIVAL_MONEY_MINOR: Final = 10**13


@dataclass(frozen=True)
class Rules:
    """What is auctioned how. Values are uniform on 1 to a million minor units; `reserve_minor` and
    `budget_minor` are of these. `rounds` times in an auction a bidder may bid, which is to say
    `levels` times out of `levels` its value.
    """

    format: Format = "second-price"
    auctions: int = 10
    rounds: int = 4
    levels: int = 20
    reserve_minor: int = 0
    licences: int = 1
    budget_minor: int = 10 * UNIT

    def __post_init__(self) -> None:
        counts = (self.auctions, self.rounds, self.levels, self.licences, self.budget_minor)
        if min(counts) < 1 or not 0 <= self.reserve_minor <= UNIT:
            raise ValueError(f"counts are at least 1 and a reserve at most {UNIT}: {self}")
        if self.format not in TERMS:
            raise ValueError(f"no format {self.format!r}; there are {', '.join(TERMS)}")

    def terms(self, bidders: int) -> AuctionTerms:
        drawn = Drawn(self.format, bidders, truthful, self.reserve_minor, self.licences)
        return TERMS[self.format](drawn)


class Seat:
    """A bidder that is asked from outside: what it sees, and what came of it."""

    def __init__(self, name: str, budget_minor: int) -> None:
        self.name = name
        self.lot: Lot | None = None
        self.value_minor = 0
        self.stands = False
        self.open = False
        self.refused = 0
        self.spent_minor = 0
        self.surplus_minor = 0
        self.budget_minor = budget_minor
        self._bought = ""

    def wake(self, desk: Desk) -> None:
        self._desk = desk
        self._values = desk.stream("value")
        desk.follow(LISTING)

    def hear(self, event: Event, desk: Desk) -> None:
        match event:
            case e.AuctionOpened():
                self.lot, self.open, self.stands = desk.lot(event.id), True, False
                self.value_minor = self._values.randint(1, UNIT)
                desk.note_value(event.id, self.value_minor)
                desk.follow(event.id)
            case e.BidPlaced():
                self.stands = True
            case e.BidOutbid():
                self.stands = False
            case e.BidRejected():
                self.refused += 1
            case e.TradeExecuted():
                self._buy(event)
                self._end(event.deal_id)
            case e.AuctionClosedUnsold():
                self._end(event.auction_id)

    def bid(self, max_price_minor: int) -> None:
        """Bid now. Less than one minor unit is no bid, and so is a bid after the end."""
        if self.open and self.lot is not None and max_price_minor >= 1:
            self._desk.say(
                PlaceBid(
                    id=self._desk.id("bid"),
                    at_ms=self._desk.now_ms,
                    auction_id=self.lot.auction_id,
                    bidder_id=self.name,
                    currency=CURRENCY,
                    max_price_minor=max_price_minor,
                    nonce=self._desk.nonce(),
                )
            )

    def sees(self) -> tuple[float, ...]:
        """Return its value and what a bid must say at least, out of a million, what is left of the
        auction's time and of the budget, and whether its bid stands; each between 0 and 1.
        """
        assert self.lot is not None, "an auction has opened"
        terms, now_ms = self.lot.terms, self._desk.now_ms
        left_ms = max(0, self.lot.ends_at_ms - now_ms) if self.open else 0
        return (
            self.value_minor / UNIT,
            min(1, self.lot.minimum_minor(now_ms) / UNIT),
            min(1, left_ms / (terms.ends_at_ms - terms.starts_at_ms)),
            (self.budget_minor - self.spent_minor) / self.budget_minor,
            float(self.stands and self.open),
        )

    def _buy(self, trade: e.TradeExecuted) -> None:
        """It may be heard twice: by the auction's key and by the buyer's."""
        if trade.buyer_id == self.name and trade.deal_id != self._bought:
            self._bought = trade.deal_id
            self.spent_minor += trade.price_minor
            self.surplus_minor += self.value_minor - trade.price_minor

    def _end(self, auction_id: str) -> None:
        self.open = False
        self._desk.leave(auction_id)


class Room:
    """Runs until somebody is asked, takes bids, and runs on. Who bids what is settled for real."""

    def __init__(self, rules: Rules, seats: Sequence[str], rivals: Sequence[str], seed: int):
        """`rivals` are names of strategies. Raises ValueError where one is not known."""
        self.rules = rules
        self.auction = 0
        self.seats = {name: Seat(f"pty_{name}", rules.budget_minor) for name in seats}
        self._round = 0
        self._kernel = Kernel(VenueTerms(currencies=(CURRENCY,)), START_MS, Chance(seed))
        terms = rules.terms(len(seats) + len(rivals))
        self._lasts_ms = terms.ends_at_ms - terms.starts_at_ms
        self._kernel.stage.admit(SUPPLIER, Role.SUPPLIER)
        offer = AuctionOffer(currency=CURRENCY)
        self._kernel.stage.publish(LISTING, SUPPLIER, offer, entry("auctions"), CONTENT)
        for seat in self.seats.values():
            self._kernel.stage.admit(seat.name, Role.BUYER, money_minor=rules.budget_minor)
            self._kernel.join(seat, START_MS)
        members = [self._rival(f"pty_rival{n}", strategy) for n, strategy in enumerate(rivals)]
        self._kernel.join(Crowd({LISTING: Market(1, _value)}, members), START_MS)
        self._kernel.join(self._auctioneer(terms), self._asks_at_ms())
        self._run(self._asks_at_ms())

    @property
    def over(self) -> bool:
        return self.auction == self.rules.auctions

    def step(self, levels: Mapping[str, int]) -> None:
        """Let each seat bid at its level, and run until they are asked again or all is over."""
        for name, level in levels.items():
            seat = self.seats[name]
            seat.bid(seat.value_minor * level // self.rules.levels)
        self._round += 1
        if self._round < self.rules.rounds:
            self._run(self._asks_at_ms())
        if self._round == self.rules.rounds or not self._is_open():
            self._run(self._opens_at_ms() + self._lasts_ms)
            self.auction, self._round = self.auction + 1, 0
            if not self.over:
                self._run(self._asks_at_ms())

    def _is_open(self) -> bool:
        return any(seat.open for seat in self.seats.values())

    def _opens_at_ms(self) -> int:
        return START_MS + 1 + self.auction * (self._lasts_ms + PAUSE_MS)

    def _asks_at_ms(self) -> int:
        return self._opens_at_ms() + self._round * self._lasts_ms // self.rules.rounds

    def _run(self, until_ms: int) -> None:
        for _ in self._kernel.run(until_ms):
            pass

    def _auctioneer(self, terms: AuctionTerms) -> Auctioneer:
        def now(now_ms: int, reserve_minor: int) -> AuctionTerms:
            return replace(terms, starts_at_ms=now_ms, ends_at_ms=now_ms + self._lasts_ms)

        reserve = FixedReserve(self.rules.reserve_minor)
        return Auctioneer(SUPPLIER, LISTING, now, reserve, self._lasts_ms + PAUSE_MS)

    def _rival(self, name: str, strategy: str) -> tuple[Buyer, Desk]:
        makers = strategies()
        if strategy not in makers:
            raise ValueError(f"no strategy {strategy!r}; there are {', '.join(sorted(makers))}")
        self._kernel.stage.admit(name, Role.BUYER, money_minor=RIVAL_MONEY_MINOR)
        buyer = Buyer(name, makers[strategy]({}), CURRENCY)
        return buyer, self._kernel.join(buyer, START_MS)


def _value(auction_id: str, at_ms: int, draw: Random) -> int:
    return draw.randint(1, UNIT)
