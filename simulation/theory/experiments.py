"""Experiments on the rules themselves: many auctions with drawn values, or one with given bids."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from schemas.auctions import (
    INCREMENT_TABLES,
    AuctionTerms,
    DiscriminatoryTerms,
    DutchTerms,
    EnglishTerms,
    IncrementStep,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    UniformPricing,
    UniformTerms,
)
from simulation.chance import Chance
from simulation.theory.bidding import Strategy
from simulation.theory.house import CURRENCY, Award, House, Wish

UNIT: Final = 10**6  # minor units that make 1: values are drawn on this grid
LASTS_MS: Final = 60_000


class Sold(NamedTuple):
    """Of each auction who got what, and everybody's value of one licence, in minor units.

    `unit` minor units make 1, `licences` are for sale each time.
    """

    unit: int
    awards: list[list[Award]]
    values: list[list[int]]
    licences: int = 1

    def revenues_minor(self) -> list[int]:
        return [sum(award.price_minor for award in sale) for sale in self.awards]

    def revenues(self) -> list[float]:
        return [revenue / self.unit for revenue in self.revenues_minor()]


class Experiment(Protocol):
    """Equal experiments give equal results, so each is run once however many checks look at it."""

    def run(self, chance: Chance, auctions: int) -> Any:
        """Return what the checks on it measure. Raises nothing of its own."""


class Drawn(NamedTuple):
    """Auctions with values drawn uniformly; every bidder bids once by the same strategy.

    A bidder's values are the same in all experiments, so that two of them differ in their rules
    alone.
    """

    format: str
    bidders: int
    strategy: Strategy
    reserve_minor: int = 0
    licences: int = 1
    step_minor: int = 1

    def run(self, chance: Chance, auctions: int) -> Sold:
        house = House(self.bidders)
        streams = [chance.stream(0, f"bidder {number}", "value") for number in range(self.bidders)]
        terms = TERMS[self.format](self)
        sold = Sold(UNIT, [], [], self.licences)
        for _ in range(auctions):
            values = [stream.randint(1, UNIT) for stream in streams]
            sold.awards.append(house.hold(terms, self._wishes(values)))
            sold.values.append(values)
        return sold

    def _wishes(self, values: list[int]) -> list[Wish]:
        """Dutch bidders wait for their price; the others come one after the other."""
        bids = [
            (bidder, bid)
            for bidder, value in enumerate(values)
            if (bid := self.strategy(value, self.bidders, self.reserve_minor)) is not None
        ]
        if self.format == "dutch":
            return sorted(Wish(UNIT - bid, bidder, (bid,)) for bidder, bid in bids)
        return [Wish(bidder, bidder, (bid,)) for bidder, bid in bids]


class Given(NamedTuple):
    """One auction with the bids of an example, `units_minor` in their order of time."""

    terms: AuctionTerms
    units_minor: tuple[tuple[int, ...], ...]
    unit: int = 1

    def run(self, chance: Chance, auctions: int) -> Sold:
        wishes = [Wish(number, number, units) for number, units in enumerate(self.units_minor)]
        awards = House(len(wishes)).hold(self.terms, wishes)
        return Sold(self.unit, [awards], [[]])


def common(lasts_ms: int = LASTS_MS, **terms: Any) -> dict[str, Any]:
    return {
        "currency": CURRENCY,
        "starts_at_ms": 0,
        "ends_at_ms": lasts_ms,
        "start_price_minor": 1,
        **terms,
    }


def english(increments: str, **terms: Any) -> EnglishTerms:
    return EnglishTerms(increments=INCREMENT_TABLES[increments], **common(**terms))


def second_price(**terms: Any) -> SealedSecondPriceTerms:
    return SealedSecondPriceTerms(**common(**terms))


def first_price(**terms: Any) -> SealedFirstPriceTerms:
    return SealedFirstPriceTerms(**common(**terms))


def uniform(
    licences: int, pricing: UniformPricing = UniformPricing.HIGHEST_LOSING, **terms: Any
) -> UniformTerms:
    return UniformTerms(licences=licences, pricing=pricing, **common(**terms))


def discriminatory(licences: int, **terms: Any) -> DiscriminatoryTerms:
    return DiscriminatoryTerms(licences=licences, **common(**terms))


def _stepping(drawn: Drawn) -> EnglishTerms:
    steps = (IncrementStep(below_minor=None, increment_minor=drawn.step_minor),)
    return EnglishTerms(increments=steps, **common(reserve_price_minor=drawn.reserve_minor))


def _falling(drawn: Drawn) -> DutchTerms:
    """One minor unit each millisecond, down to the reserve."""
    floor = max(1, drawn.reserve_minor)
    clock = {"step_minor": 1, "interval_ms": 1, "floor_price_minor": floor}
    return DutchTerms(**common(UNIT + 1, **{"start_price_minor": UNIT, **clock}))


TERMS: Final[dict[str, Callable[[Drawn], AuctionTerms]]] = {
    "first-price": lambda drawn: first_price(reserve_price_minor=drawn.reserve_minor),
    "second-price": lambda drawn: second_price(reserve_price_minor=drawn.reserve_minor),
    "english": _stepping,
    "dutch": _falling,
    "uniform": lambda drawn: uniform(drawn.licences, reserve_price_minor=drawn.reserve_minor),
}
