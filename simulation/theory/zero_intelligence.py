"""Traders without intelligence (Gode and Sunder 1993): what the market does when nobody thinks.

Six buyers and six sellers, each with the same list of units, shout random prices in turn. A better
quote replaces the standing one; when they cross, there is a trade at the earlier quote and the book
is empty again. Each trade is an auction of the seller at that price, which the buyer accepts.
"""

from random import Random
from typing import Final, NamedTuple

from schemas.auctions import DutchTerms
from simulation.chance import Chance
from simulation.theory.estimates import Estimate, mean
from simulation.theory.experiments import common
from simulation.theory.house import House, Wish

TRADERS: Final = 6  # on each side
PRICE_MAX: Final = 200
AUCTIONS_PER_PERIOD: Final = 100  # so many auctions of another check take about as long


class Market(NamedTuple):
    """What each buyer's units are worth to them, and what each seller's cost, in this order."""

    values: tuple[int, ...]
    costs: tuple[int, ...]

    @property
    def surplus(self) -> int:
        """What can be gained at most."""
        pairs = zip(self.values, self.costs, strict=True)
        return TRADERS * sum(max(0, value - cost) for value, cost in pairs)


MARKETS: Final = (
    Market((102, 97, 92, 87, 82, 77), (34, 46, 58, 70, 82, 94)),
    Market((117, 105, 93, 81, 69, 57), (49, 54, 59, 64, 69, 74)),
    Market((133, 95, 90), (90, 95, 100)),
)


class Periods(NamedTuple):
    """Periods of `shouts` shouts each. Who is `constrained` never shouts a price to lose by."""

    market: Market
    constrained: bool
    shouts: int

    def run(self, chance: Chance, auctions: int) -> list[float]:
        """Return the efficiency of each period."""
        house = House(TRADERS, suppliers=TRADERS)
        periods = max(2, auctions // AUCTIONS_PER_PERIOD)
        gains = [_Period(self, house, chance, number).run() for number in range(periods)]
        return [gain / self.market.surplus for gain in gains]


def efficiency(periods: list[float]) -> Estimate:
    return mean(periods)


def gain(periods: list[float], others: list[float]) -> Estimate:
    """Return how much more efficient the first are than the others, period by period."""
    return mean([one - other for one, other in zip(periods, others, strict=True)])


class _Trader(NamedTuple):
    buys: bool
    number: int
    units: list[int]  # the next one last
    rng: Random


class _Quote(NamedTuple):
    price: int
    trader: _Trader


class _Period:
    def __init__(self, rule: Periods, house: House, chance: Chance, number: int) -> None:
        self._constrained = rule.constrained
        self._shouts = rule.shouts
        self._house = house
        self._turns = chance.stream(number, "market", "turn")
        sides = (("buyer", True, rule.market.values), ("seller", False, rule.market.costs))
        self._active = [
            _Trader(buys, who, list(units[::-1]), chance.stream(number, f"{side} {who}", "price"))
            for side, buys, units in sides
            for who in range(TRADERS)
        ]
        self._bid: _Quote | None = None
        self._ask: _Quote | None = None
        self._gained = 0

    def run(self) -> int:
        """Return what buyers and sellers gained together."""
        for _ in range(self._shouts):
            if not self._active or self._active[0].buys == self._active[-1].buys:
                break  # one side has nothing left
            trader = self._turns.choice(self._active)
            if trader.buys:
                self._hear_bid(_Quote(self._price(trader), trader))
            else:
                self._hear_ask(_Quote(self._price(trader), trader))
        return self._gained

    def _price(self, trader: _Trader) -> int:
        low, high = 1, PRICE_MAX
        if self._constrained:
            low, high = (1, trader.units[-1]) if trader.buys else (trader.units[-1], PRICE_MAX)
        return trader.rng.randint(low, high)

    def _hear_bid(self, bid: _Quote) -> None:
        if self._bid is not None and bid.price <= self._bid.price:
            return
        self._bid = bid
        if self._ask is not None and bid.price >= self._ask.price:
            self._trade(bid.trader, self._ask.trader, self._ask.price)

    def _hear_ask(self, ask: _Quote) -> None:
        if self._ask is not None and ask.price >= self._ask.price:
            return
        self._ask = ask
        if self._bid is not None and self._bid.price >= ask.price:
            self._trade(self._bid.trader, ask.trader, self._bid.price)

    def _trade(self, buyer: _Trader, seller: _Trader, price: int) -> None:
        terms = DutchTerms(
            **common(start_price_minor=price),
            floor_price_minor=price,
            step_minor=1,
            interval_ms=1,
        )
        (award,) = self._house.hold(terms, [Wish(0, buyer.number, (price,))], seller.number)
        assert award.price_minor == price, "a trade is at the quote that stood"
        self._gained += buyer.units.pop() - seller.units.pop()
        self._active = [trader for trader in self._active if trader.units]
        self._bid = self._ask = None
