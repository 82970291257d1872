"""Makes the market of a scenario: parties with money, listings, and the agents that trade."""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from random import Random
from types import MappingProxyType
from typing import Final

from schemas.ids import make_id
from schemas.parties import FIRST_PARTIES, PartyKind, Role, VenueTerms
from simulation.agents.bidding import Bidding, Maker
from simulation.agents.buyers import Buyer
from simulation.agents.collusion import Shill
from simulation.agents.crowd import Crowd, Member
from simulation.agents.metered import Drawn, MeteredUser, Pattern, Step, Traced
from simulation.agents.suppliers import Auctioneer
from simulation.agents.users import Office, Provider, Reader
from simulation.chance import Chance
from simulation.filler import CONTENT
from simulation.kernel import Character, Kernel
from simulation.scenario.distributions import Distribution, Uniform
from simulation.scenario.offers import entry, offer, pricing, terms
from simulation.scenario.schema import DAY_MS, HOUR_MS, Listing, Scenario, ScenarioError, Use
from simulation.scenario.worth import Shocks, market

GIVEN: Final = ("伟", "芳", "敏", "静", "强", "Wei", "Min", "Hua")
KINDS: Final = (PartyKind.ENTERPRISE, PartyKind.GOVERNMENT, PartyKind.PUBLIC_SERVICE)

Traces = Mapping[str, Sequence[Sequence[Step]]]  # by name, of each client


@dataclass(frozen=True)
class Listed:
    """A listing in the market, what it is of, and its supplier."""

    id: str
    kind: Listing
    supplier_id: str


def build(
    scenario: Scenario,
    chance: Chance,
    makers: Mapping[str, Maker],
    replication: int = 0,
    traces: Traces = MappingProxyType({}),
) -> Kernel:
    """`traces` are what was read for the scenario's uses. Raises ScenarioError when a strategy is
    not known or its settings do not fit.
    """
    venue = VenueTerms(
        currencies=(scenario.venue.currency,),
        buyer_fee_bps=scenario.venue.buyer_fee_bps,
        seller_fee_bps=scenario.venue.seller_fee_bps,
    )
    kernel = Kernel(venue, scenario.start_ms, chance, replication)
    return _Builder(scenario, kernel, makers, traces).build()


class _Builder:
    def __init__(
        self, scenario: Scenario, kernel: Kernel, makers: Mapping[str, Maker], traces: Traces
    ) -> None:
        self._scenario = scenario
        self._kernel = kernel
        self._makers = makers
        self._traces = traces
        self._shocks = Shocks(scenario)

    def build(self) -> Kernel:
        self._founders()
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

    def _founders(self) -> None:
        for role, (party_id, name) in FIRST_PARTIES.items():
            self._kernel.stage.admit(party_id, role, name=name)

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
                offered = offer(kind, self._scenario.venue.currency)
                described = entry(kind, copy, self._scenario.provider_names)
                self._kernel.stage.publish(listing_id, supplier, offered, described, CONTENT)
                yield Listed(listing_id, kind, supplier)
                number += 1

    # --- agents ---

    def _auctions(self, listed: Sequence[Listed]) -> None:
        start_ms = self._scenario.start_ms
        for one in listed:
            table = one.kind.auction
            assert table is not None, "only auctions come here"
            every_ms = max(HOUR_MS, round(table.every_days * DAY_MS))
            make_terms = partial(terms, table, self._scenario.venue.currency)
            agent = Auctioneer(one.supplier_id, one.id, make_terms, pricing(table), every_ms)
            first_ms = start_ms + 1 + self._draw(one.id, "first").randrange(every_ms)
            self._kernel.join(agent, first_ms, one.id)

    def _buyers(self, listed: Sequence[Listed]) -> None:
        start_ms, currency = self._scenario.start_ms, self._scenario.venue.currency
        strategies = self._scenario.bidding
        members = []
        for number in range(self._scenario.agents.buyers):
            name = f"pty_buyer{number:05}"
            self._person(name, self._scenario.money.buyers, PartyKind.ENTERPRISE)
            chosen = _weighted([s.weight for s in strategies], self._draw(name, "strategy"))
            strategy = strategies[chosen].strategy
            bidding = self._strategy(strategy, strategies[chosen].settings)
            role = getattr(bidding, "role", "")
            self._kernel.characters[name] = Character(strategy, role)
            buyer = Buyer(name, bidding, currency)
            members.append((buyer, self._kernel.join(buyer, start_ms)))
        markets = {
            one.id: market(one.kind.auction, one.kind.field, self._shocks, self._draw)
            for one in listed
            if one.kind.auction
        }
        self._kernel.join(Crowd(markets, members, _shills(members, listed)), start_ms)

    def _strategy(self, name: str, settings: Mapping[str, float | str]) -> Bidding:
        if name not in self._makers:
            known = ", ".join(sorted(self._makers))
            raise ScenarioError(f"no strategy {name!r}; there are {known}")
        try:
            return self._makers[name](settings)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ScenarioError(f"the strategy {name} cannot be set so: {error}") from error

    def _users(self, listed: Sequence[Listed]) -> None:
        patterns = self._scenario.use
        if self._scenario.agents.users and not (listed and patterns):
            raise ScenarioError("agents.users: needs a metered listing and a [[use]] pattern")
        for number in range(self._scenario.agents.users):
            name = f"pty_user{number:05}"
            self._person(name, self._scenario.money.users, PartyKind.ENTERPRISE)
            draw = self._draw(name, "pattern")
            one = listed[number % len(listed)]
            use = patterns[_weighted([p.weight for p in patterns], draw)]
            assert one.kind.metered is not None, "only metered listings come here"
            agent = MeteredUser(
                name,
                one.id,
                self._scenario.venue.currency,
                one.kind.metered.budget_minor,
                self._pattern(use, draw),
                use.burst,
                partial(self._shocks.factor, "use", one.kind.field),
            )
            begins_ms = self._scenario.start_ms + 1 + draw.randrange(30 * DAY_MS)
            self._kernel.join(agent, begins_ms)

    def _pattern(self, use: Use, draw: Random) -> Pattern:
        if use.gap_hours is not None and use.quantity is not None:
            return Drawn(use.gap_hours, use.quantity)
        if not self._traces.get(use.trace):
            raise ScenarioError(f"use: the trace {use.trace!r} has no client that came twice")
        return Traced(draw.choice(self._traces[use.trace]), use.quantity)

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


def _shills(members: Sequence[Member], listed: Sequence[Listed]) -> dict[str, list[Member]]:
    """Return who is on which listing's side: each shill works for one supplier, in turn."""
    suppliers = list(dict.fromkeys(one.supplier_id for one in listed))
    shills = [member for member in members if isinstance(member[0].bidding, Shill)]
    sides: dict[str, list[Member]] = {}
    for number, shill in enumerate(shills):
        supplier = suppliers[number % len(suppliers)]
        for one in listed:
            if one.supplier_id == supplier:
                sides.setdefault(one.id, []).append(shill)
    return sides


def supplier_id(number: int) -> str:
    return f"pty_supplier{number:05}"


def _weighted(weights: Sequence[float], draw: Random) -> int:
    sums = list(accumulate(weights))
    return min(bisect(sums, draw.random() * sums[-1]), len(sums) - 1)
