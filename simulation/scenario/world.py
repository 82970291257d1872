"""Makes the market of a scenario: parties with money, listings, and the agents that trade."""

from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from random import Random
from typing import Final

from schemas.auctions import (
    AuctionTerms,
    DutchTerms,
    EnglishTerms,
    IncrementStep,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    SoftClose,
    UniformTerms,
)
from schemas.catalogue import (
    AuctionOffer,
    CatalogueEntry,
    Field,
    FreeOffer,
    MeteredOffer,
    Offer,
    UpdateCycle,
)
from schemas.ids import make_id
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.tariff import PriceModel, Tariff, Tier, Unit
from simulation.agents.bidding import Bidding, Maker
from simulation.agents.buyers import Buyer
from simulation.agents.suppliers import AdaptiveReserve, Auctioneer, FixedReserve, Pricing, myerson
from simulation.agents.users import MeteredUser, Office, Provider, Reader
from simulation.chance import Chance
from simulation.filler import CONTENT
from simulation.kernel import Desk, Kernel
from simulation.scenario.distributions import Distribution, Uniform
from simulation.scenario.schema import (
    DAY_MS,
    HOUR_MS,
    AuctionTable,
    Listing,
    Scenario,
    ScenarioError,
    Shock,
)

DUTCH_STEPS: Final = 100
GIVEN: Final = ("伟", "芳", "敏", "静", "强", "Wei", "Min", "Hua")
KINDS: Final = (PartyKind.ENTERPRISE, PartyKind.GOVERNMENT, PartyKind.PUBLIC_SERVICE)


@dataclass(frozen=True)
class Listed:
    """A listing in the market, what it is of, and its supplier."""

    id: str
    kind: Listing
    supplier_id: str


def build(
    scenario: Scenario, chance: Chance, makers: Mapping[str, Maker], replication: int = 0
) -> Kernel:
    """Raises ScenarioError when a strategy is not known or its settings do not fit."""
    terms = VenueTerms(
        currencies=(scenario.venue.currency,),
        buyer_fee_bps=scenario.venue.buyer_fee_bps,
        seller_fee_bps=scenario.venue.seller_fee_bps,
    )
    kernel = Kernel(terms, scenario.start_ms, chance, replication)
    return _Builder(scenario, kernel, makers).build()


class _Builder:
    def __init__(self, scenario: Scenario, kernel: Kernel, makers: Mapping[str, Maker]) -> None:
        self._scenario = scenario
        self._kernel = kernel
        self._makers = makers
        self._shocks = _Shocks(scenario)

    def build(self) -> Kernel:
        self._suppliers()
        listed = list(self._list())
        self._auctions([one for one in listed if one.kind.auction])
        self._buyers([one for one in listed if one.kind.auction])
        self._users([one for one in listed if one.kind.metered])
        self._free([one for one in listed if one.kind.free])
        return self._kernel

    # --- parties and listings ---

    def _draw(self, *key: str) -> Random:
        return self._kernel.chance.stream(self._kernel.replication, *key)

    def _suppliers(self) -> None:
        names = self._scenario.provider_names
        for number in range(self._scenario.agents.suppliers):
            name = f"{names[number % len(names)]} {number // len(names) + 1}"
            kind = KINDS[number % len(KINDS)]
            self._kernel.stage.admit(supplier_id(number), Role.SUPPLIER, kind=kind, name=name)

    def _person(self, party_id: str, money: Distribution, kind: PartyKind) -> None:
        draw = self._draw(party_id, "person")
        name = f"{draw.choice(self._scenario.family_names)}{draw.choice(GIVEN)} {party_id[4:]}"
        self._kernel.stage.admit(
            party_id,
            Role.BUYER,
            kind=kind,
            currency=self._scenario.venue.currency,
            money_minor=max(0, int(money.drawn(draw))),
            name=name,
        )

    def _list(self) -> Iterator[Listed]:
        number = 0
        for place, kind in enumerate(self._scenario.listings):
            for copy in range(kind.count):
                supplier = supplier_id(number % self._scenario.agents.suppliers)
                listing_id = make_id("lst", "sim", str(place), str(copy))
                offer = _offer(kind, self._scenario.venue.currency)
                entry = _entry(kind, copy, self._scenario.provider_names)
                self._kernel.stage.publish(listing_id, supplier, offer, entry, CONTENT)
                yield Listed(listing_id, kind, supplier)
                number += 1

    # --- agents ---

    def _auctions(self, listed: Sequence[Listed]) -> None:
        start_ms = self._scenario.start_ms
        for one in listed:
            table = one.kind.auction
            assert table is not None, "only auctions come here"
            every_ms = max(HOUR_MS, round(table.every_days * DAY_MS))
            terms = partial(_terms, table, self._scenario.venue.currency)
            agent = Auctioneer(one.supplier_id, one.id, terms, _pricing(table), every_ms)
            first_ms = start_ms + 1 + self._draw(one.id, "first").randrange(every_ms)
            self._kernel.join(agent, first_ms, one.id)

    def _buyers(self, listed: Sequence[Listed]) -> None:
        tables = {one.id: one for one in listed}
        strategies = self._scenario.bidding
        for number in range(self._scenario.agents.buyers):
            name = f"pty_buyer{number:05}"
            self._person(name, self._scenario.money.buyers, PartyKind.ENTERPRISE)
            chosen = _weighted([s.weight for s in strategies], self._draw(name, "strategy"))
            bidding = self._strategy(strategies[chosen].strategy, strategies[chosen].settings)
            appraise = partial(self._appraise, tables)
            buyer = Buyer(name, list(tables), bidding, appraise, self._scenario.venue.currency)
            self._kernel.join(buyer, self._scenario.start_ms)

    def _strategy(self, name: str, settings: Mapping[str, float | str]) -> Bidding:
        if name not in self._makers:
            known = ", ".join(sorted(self._makers))
            raise ScenarioError(f"no strategy {name!r}; there are {known}")
        try:
            return self._makers[name](settings)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ScenarioError(f"the strategy {name} cannot be set so: {error}") from error

    def _appraise(
        self, tables: Mapping[str, Listed], listing_id: str, auction_id: str, at_ms: int, desk: Desk
    ) -> int | None:
        kind = tables[listing_id].kind
        table = kind.auction
        assert table is not None, "only auctions come here"
        if desk.draw.random() >= table.interest:
            return None
        value, share = table.value.private.drawn(desk.draw), table.value.common_share
        if table.value.common is not None and share:
            common = table.value.common.drawn(self._draw(auction_id, "common"))
            value = common * share + value * (1 - share)
        return max(0, int(value * self._shocks.factor("values", kind.field, at_ms)))

    def _users(self, listed: Sequence[Listed]) -> None:
        patterns = self._scenario.use
        if self._scenario.agents.users and not (listed and patterns):
            raise ScenarioError("agents.users: needs a metered listing and a [[use]] pattern")
        for number in range(self._scenario.agents.users):
            name = f"pty_user{number:05}"
            self._person(name, self._scenario.money.users, PartyKind.ENTERPRISE)
            draw = self._draw(name, "pattern")
            one = listed[number % len(listed)]
            pattern = patterns[_weighted([p.weight for p in patterns], draw)]
            assert one.kind.metered is not None, "only metered listings come here"
            agent = MeteredUser(
                name,
                one.id,
                self._scenario.venue.currency,
                one.kind.metered.budget_minor,
                self._busier(pattern.gap_hours, one.kind.field),
                lambda chance, at_ms, by=pattern.quantity: by.drawn(chance),  # type: ignore[misc]
                pattern.burst,
            )
            begins_ms = self._scenario.start_ms + 1 + draw.randrange(30 * DAY_MS)
            self._kernel.join(agent, begins_ms)

    def _busier(self, gap: Distribution, field: Field) -> Callable[[Random, int], float]:
        def drawn(chance: Random, at_ms: int) -> float:
            return gap.drawn(chance) / self._shocks.factor("use", field, at_ms)

        return drawn

    def _free(self, listed: Sequence[Listed]) -> None:
        if self._scenario.agents.readers and not listed:
            raise ScenarioError("agents.readers: needs a listing with free = {}")
        start_ms, ids = self._scenario.start_ms, [one.id for one in listed]
        self._kernel.join(Office(ids), start_ms)
        shares = {one.supplier_id: one.kind.free.refused_share for one in listed if one.kind.free}
        for name, share in shares.items():
            self._kernel.join(Provider(name, share), start_ms, f"{name} provider")
        gap = 365 * 24 / self._scenario.asks_per_year
        for number in range(self._scenario.agents.readers):
            name = f"pty_reader{number:05}"
            self._person(name, Uniform(low=0, high=0), PartyKind.PERSON)
            ask = Reader(name, ids, lambda chance, at_ms: chance.expovariate(1 / gap))
            self._kernel.join(ask, start_ms)


class _Shocks:
    def __init__(self, scenario: Scenario) -> None:
        self._spans = [(self._span(scenario, shock), shock) for shock in scenario.shocks]

    def _span(self, scenario: Scenario, shock: Shock) -> tuple[int, int]:
        begins_ms = scenario.start_ms + round(shock.at_day * DAY_MS)
        return begins_ms, begins_ms + round(shock.lasts_days * DAY_MS)

    def factor(self, what: str, field: Field, at_ms: int) -> float:
        """Return the product of the shocks at this time; `what` is "values" or "use"."""
        product = 1.0
        for (begins_ms, ends_ms), shock in self._spans:
            if begins_ms <= at_ms < ends_ms and shock.field in (None, field):
                product *= shock.values if what == "values" else shock.use
        return product


def supplier_id(number: int) -> str:
    return f"pty_supplier{number:05}"


def _weighted(weights: Sequence[float], draw: Random) -> int:
    sums = list(accumulate(weights))
    return min(bisect(sums, draw.random() * sums[-1]), len(sums) - 1)


def _pricing(table: AuctionTable) -> Pricing:
    match table.pricing:
        case "fixed":
            return FixedReserve(table.reserve_minor)
        case "adaptive":
            return AdaptiveReserve(table.reserve_minor)
        case "myerson":
            if isinstance(table.value.private, Uniform):
                return myerson(table.value.private.low, table.value.private.high)
            raise ScenarioError("pricing: myerson needs a uniform private value")
    raise ScenarioError(f"no pricing {table.pricing!r}; there are adaptive, fixed, myerson")


def _offer(kind: Listing, currency: str) -> Offer:
    if kind.auction:
        return AuctionOffer(currency=currency)
    if kind.free:
        return FreeOffer(condition=kind.free.condition)
    assert kind.metered is not None, "a listing has one mode"
    tier = Tier(up_to=None, unit_price_minor=kind.metered.unit_price_minor)
    tariff = Tariff(
        unit=Unit.CALL,
        model=PriceModel.GRADUATED,
        currency=currency,
        tiers=(tier,),
        free_units=kind.metered.free_units,
    )
    return MeteredOffer(tariff=tariff)


def _entry(kind: Listing, copy: int, providers: Sequence[str]) -> CatalogueEntry:
    return CatalogueEntry(
        title_zh=f"{kind.name_zh} {copy + 1}",
        title_en=f"{kind.name_en} {copy + 1}",
        abstract_zh=f"{kind.name_zh}，模拟数据",
        abstract_en=f"{kind.name_en}, simulated",
        field=kind.field,
        update_cycle=UpdateCycle.MONTHLY,
        provider_name=providers[copy % len(providers)],
        licence="simulated",
    )


def _terms(table: AuctionTable, currency: str, now_ms: int, reserve_minor: int) -> AuctionTerms:
    ends_ms = now_ms + round(table.lasts_hours * HOUR_MS)
    start, reserve = table.start_price_minor, reserve_minor
    match table.format:
        case "english":
            minutes = table.extend_minutes
            soft = minutes and SoftClose(
                window_ms=minutes * 60_000, extend_by_ms=minutes * 60_000, extensions_max=20
            )
            return EnglishTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
                increments=(
                    IncrementStep(below_minor=None, increment_minor=table.increment_minor),
                ),
                soft_close=soft or None,
            )
        case "dutch":
            top = max(start, reserve, table.dutch_start_minor or start)
            floor = max(start, reserve)
            return DutchTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=top,
                step_minor=max(1, (top - floor) // DUTCH_STEPS),
                interval_ms=max(1, (ends_ms - now_ms) // (DUTCH_STEPS + 10)),
                floor_price_minor=floor,
            )
        case "uniform":
            return UniformTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
                licences=table.licences,
            )
        case "sealed_first_price":
            return SealedFirstPriceTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
            )
        case "sealed_second_price":
            return SealedSecondPriceTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
            )
