"""A venue to talk to, and the commands to say to it."""

from itertools import count
from typing import Any

from market.venue import Emission
from schemas import commands as c
from schemas.auctions import INCREMENT_TABLES, AuctionTerms, EnglishTerms
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
from schemas.envelope import decode_message, encode
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.tariff import PriceModel, Tariff, Tier, Unit
from simulation.stage import ANY_USE, OPERATOR, Stage

T0 = 1_700_000_000_000
NONCE = "0" * 32
PER_CALL = Tariff(
    unit=Unit.CALL,
    model=PriceModel.STANDARD,
    currency="CNY",
    tiers=(Tier(up_to=None, unit_price_minor="50"),),
)


class Market(Stage):
    """A venue to talk to, with a counter for ids. Saying something does not move the clock."""

    def __init__(self, **terms: Any) -> None:
        self._ids = count(1)
        self.log: list[Emission] = []
        opening = VenueTerms(**{"currencies": ("CNY", "USD"), **terms})
        super().__init__(opening, T0, self._keep)

    def id(self, role: str = "cmd") -> str:
        return f"{role}_{next(self._ids):06}"

    def _keep(self, cascade: list[Emission]) -> None:
        """Every message follows its schema: what is written must be readable."""
        for message, _ in cascade:
            assert decode_message(encode(message)) == message
        self.log.extend(cascade)

    def say(self, command: Command) -> list[Event]:
        """Return the events the command caused."""
        return [emission.message for emission in self._run(command)[1:]]

    def until(self, at_ms: int) -> list[Event]:
        """Let every deadline up to `at_ms` pass; return what that caused."""
        before = len(self.log)
        self.advance(at_ms)
        return [message for message, _ in self.log[before:] if isinstance(message, Event)]

    def supplier(self, name: str = "supplier", kind: PartyKind = PartyKind.ENTERPRISE) -> str:
        self.admit(f"pty_{name}", Role.SUPPLIER, kind=kind)
        return f"pty_{name}"

    def buyer(self, name: str, money: int = 0, currency: str = "CNY") -> str:
        self.admit(f"pty_{name}", Role.BUYER, money_minor=money, currency=currency)
        return f"pty_{name}"

    def controlled(self, name: str, controller_id: str, *roles: Role, money: int = 0) -> str:
        """Admit a party that another body controls."""
        party_id = f"pty_{name}"
        self.say(
            c.RegisterParty(
                id=party_id,
                at_ms=T0,
                name=name,
                kind=PartyKind.ENTERPRISE,
                roles=roles or (Role.BUYER,),
                controller_id=controller_id,
            )
        )
        self.say(c.ApproveParty(id=self.id(), at_ms=T0, party_id=party_id, operator_id=OPERATOR))
        if money:
            self.deposit(party_id, money)
        return party_id

    def deposit(self, party_id: str, amount_minor: int, id: str | None = None) -> list[Event]:
        return self.say(
            c.Deposit(
                id=id or self.id("trf"),
                at_ms=T0,
                party_id=party_id,
                operator_id=OPERATOR,
                currency="CNY",
                amount_minor=amount_minor,
                reference="bank transfer",
            )
        )

    def listing(self, supplier_id: str, offer: Offer, **terms: Any) -> str:
        listing_id = self.id("lst")
        grant_terms = GrantTerms(**{"policy": ANY_USE, **terms})
        self.publish(listing_id, supplier_id, offer, ENTRY, CONTENT, grant_terms)
        return listing_id

    def request(self, listing_id: str, buyer_id: str) -> list[Event]:
        return self.say(
            c.RequestAccess(id=self.id("acc"), at_ms=T0, listing_id=listing_id, buyer_id=buyer_id)
        )

    def subscribe(self, listing_id: str, buyer_id: str, budget_minor: int) -> list[Event]:
        return self.say(
            c.Subscribe(
                id=self.id("sub"),
                at_ms=T0,
                listing_id=listing_id,
                buyer_id=buyer_id,
                currency="CNY",
                budget_minor=budget_minor,
            )
        )

    def auction(
        self,
        supplier_id: str,
        listing_id: str,
        opening: AuctionTerms | None = None,
        **terms: Any,
    ) -> str:
        """Open an auction on these terms, or an English one with some of its own."""
        auction_id = self.id("auc")
        self.say(
            c.OpenAuction(
                id=auction_id,
                at_ms=T0,
                listing_id=listing_id,
                supplier_id=supplier_id,
                terms=opening or english(**terms),
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
        further_minor: tuple[int, ...] = (),
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
                further_minor=further_minor,
            )
        )

    def use(
        self,
        grant_id: str,
        buyer_id: str,
        quantity: int = 1,
        at_ms: int = T0,
        id: str | None = None,
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
