"""A venue to talk to, and the commands to say to it."""

from itertools import count
from typing import Any

from market.venue import Emission, Venue
from schemas import commands as c
from schemas.auctions import INCREMENT_TABLES, EnglishTerms
from schemas.base import Command, Event
from schemas.catalogue import (
    AuctionOffer,
    CatalogueEntry,
    Column,
    ColumnType,
    Content,
    Field,
    FreeOffer,
    GrantTerms,
    MeteredOffer,
    Offer,
    UpdateCycle,
)
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.policy import Permission, Policy
from schemas.tariff import PriceModel, Tariff, Tier, Unit

T0 = 1_700_000_000_000
OPERATOR = "pty_operator"
NONCE = "0" * 32
ANY_USE = Policy(permissions=(Permission(action="use"),))
PER_CALL = Tariff(
    unit=Unit.CALL, model=PriceModel.STANDARD, currency="CNY", tiers=(Tier(up_to=None, unit_price_minor="50"),)
)


class Market:
    """A venue with a counter for command ids; `say` returns the events a command caused."""

    def __init__(self, **terms: Any) -> None:
        self.venue = Venue()
        self._ids = count(1)
        self.log: list[Emission] = []
        opening = VenueTerms(**{"currencies": ("CNY", "USD"), **terms})
        self.say(c.OpenVenue(id=self.id(), at_ms=T0, operator_id=OPERATOR, terms=opening))

    def id(self, role: str = "cmd") -> str:
        return f"{role}_{next(self._ids):06}"

    def say(self, command: Command) -> list[Event]:
        cascade = self.venue.run(command)
        self.log += cascade
        return [emission.message for emission in cascade[1:]]  # type: ignore[misc]

    def until(self, at_ms: int) -> list[Event]:
        """Let every deadline up to `at_ms` pass."""
        happened: list[Event] = []
        while (due_ms := self.venue.next_deadline()) is not None and due_ms <= at_ms:
            happened += self.say(c.TimePassed(id=f"tick_{due_ms}", at_ms=due_ms, due_ms=due_ms))
        return happened

    def party(
        self,
        name: str,
        *roles: Role,
        kind: PartyKind = PartyKind.ENTERPRISE,
        money: int = 0,
        currency: str = "CNY",
        controller_id: str | None = None,
    ) -> str:
        party_id = f"pty_{name}"
        self.say(
            c.RegisterParty(
                id=party_id,
                at_ms=T0,
                name=name,
                kind=kind,
                roles=roles or (Role.BUYER,),
                controller_id=controller_id,
            )
        )
        self.say(
            c.ApproveParty(id=self.id(), at_ms=T0, party_id=party_id, operator_id=OPERATOR)
        )
        if money:
            self.deposit(party_id, money, currency)
        return party_id

    def deposit(self, party_id: str, amount_minor: int, currency: str = "CNY") -> list[Event]:
        return self.say(
            c.Deposit(
                id=self.id("trf"),
                at_ms=T0,
                party_id=party_id,
                operator_id=OPERATOR,
                currency=currency,
                amount_minor=amount_minor,
                reference="bank transfer",
            )
        )

    def listing(
        self,
        supplier_id: str,
        offer: Offer,
        *,
        policy: Policy = ANY_USE,
        lasts_ms: int | None = None,
        expires_at_ms: int | None = None,
    ) -> str:
        """Register a data set and bring a listing of it through review."""
        data_set_id, listing_id = self.id("dst"), self.id("lst")
        self.say(
            c.RegisterDataSet(
                id=data_set_id, at_ms=T0, supplier_id=supplier_id, title="Rainfall", content=CONTENT
            )
        )
        self.say(
            c.DraftListing(
                id=listing_id,
                at_ms=T0,
                supplier_id=supplier_id,
                data_set_id=data_set_id,
                entry=ENTRY,
                offer=offer,
                grant_terms=GrantTerms(policy=policy, lasts_ms=lasts_ms),
                expires_at_ms=expires_at_ms,
            )
        )
        self.say(
            c.SubmitListing(
                id=self.id(), at_ms=T0, listing_id=listing_id, supplier_id=supplier_id
            )
        )
        self.say(
            c.ReviewListing(
                id=self.id(),
                at_ms=T0,
                listing_id=listing_id,
                operator_id=OPERATOR,
                approved=True,
                reason="complete",
            )
        )
        return listing_id

    def auction(self, supplier_id: str, listing_id: str, **terms: Any) -> str:
        auction_id = self.id("auc")
        self.say(
            c.OpenAuction(
                id=auction_id,
                at_ms=T0,
                listing_id=listing_id,
                supplier_id=supplier_id,
                terms=english(**terms),
                nonce=NONCE,
            )
        )
        return auction_id

    def bid(
        self,
        auction_id: str,
        bidder_id: str,
        max_price_minor: int,
        at_ms: int = T0 + 1_000,
        id: str | None = None,
        currency: str = "CNY",
    ) -> list[Event]:
        return self.say(
            c.PlaceBid(
                id=id or self.id("bid"),
                at_ms=at_ms,
                auction_id=auction_id,
                bidder_id=bidder_id,
                currency=currency,
                max_price_minor=max_price_minor,
                nonce=NONCE,
            )
        )

    def use(
        self, grant_id: str, buyer_id: str, quantity: int = 1, at_ms: int = T0, id: str | None = None
    ) -> list[Event]:
        return self.say(
            c.RecordUsage(
                id=id or self.id("usg"),
                at_ms=at_ms,
                grant_id=grant_id,
                buyer_id=buyer_id,
                quantity=quantity,
            )
        )

    def balance(self, account: str) -> int:
        return self.venue.settlement.ledger.balances.get(account, 0)


CONTENT = Content(
    sha256="a" * 64,
    media_type="text/csv",
    size_bytes=1_000,
    row_count=20,
    columns=(Column(name="day", type=ColumnType.DATE), Column(name="mm", type=ColumnType.DECIMAL)),
)
ENTRY = CatalogueEntry(
    title_zh="降雨量",
    title_en="Rainfall",
    abstract_zh="每日降雨量",
    abstract_en="Daily rainfall",
    field=Field.METEOROLOGY,
    update_cycle=UpdateCycle.DAILY,
    provider_name="Weather office",
    licence="CC-BY-4.0",
)
FREE = FreeOffer()
METERED = MeteredOffer(tariff=PER_CALL)
AT_AUCTION = AuctionOffer(currency="CNY")


def english(**terms: Any) -> EnglishTerms:
    return EnglishTerms(
        **{
            "currency": "CNY",
            "starts_at_ms": T0,
            "ends_at_ms": T0 + 3_600_000,
            "start_price_minor": 1_000,
            "increments": INCREMENT_TABLES["ebay-2003"],
            **terms,
        }
    )


def kinds(events: list[Event]) -> list[str]:
    """Return the events' names, in order."""
    return [type(event).__name__ for event in events]
