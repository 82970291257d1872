"""What parties of a small venue say in a random life, good and bad: all formats, free and metered
use, money in and out, refunds, cancellations.

The same commands come of the same random stream, and each stands alone: a life without some of them
is a life too.
"""

import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from schemas import commands as c
from schemas.auctions import (
    INCREMENT_TABLES,
    AuctionTerms,
    DiscriminatoryTerms,
    DutchTerms,
    EnglishTerms,
    Relist,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    SoftClose,
    UniformPricing,
    UniformTerms,
)
from schemas.base import Command
from schemas.catalogue import AuctionOffer, FreeOffer, GrantTerms, MeteredOffer, Offer
from schemas.ids import derive_id
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.policy import Constraint, Permission, Policy
from schemas.postings import Purse
from schemas.tariff import PriceModel, Tariff, Tier, Unit
from simulation.filler import CONTENT, entry
from simulation.stage import OPERATOR, Stage

T0: Final = 1_700_000_000_000
CURRENCY: Final = "CNY"
MONEY_MINOR: Final = 200_000
BUYERS: Final = ("pty_anna", "pty_bole", "pty_chen")
SUPPLIERS: Final = {"pty_bureau": PartyKind.GOVERNMENT, "pty_maker": PartyKind.ENTERPRISE}
TERMS: Final = VenueTerms(currencies=(CURRENCY,), buyer_fee_bps=150, seller_fee_bps=333)
_TARIFF: Final = Tariff(
    unit=Unit.CALL,
    model=PriceModel.STANDARD,
    currency=CURRENCY,
    tiers=(Tier(up_to=None, unit_price_minor="7.5"),),
)
_AT_AUCTION: Final = AuctionOffer(currency=CURRENCY)
LISTINGS: Final[dict[str, tuple[str, Offer]]] = {
    "lst_metered": ("pty_bureau", MeteredOffer(tariff=_TARIFF)),
    "lst_free": ("pty_maker", FreeOffer()),
    "lst_auction1": ("pty_bureau", _AT_AUCTION),
    "lst_auction2": ("pty_maker", _AT_AUCTION),
    "lst_auction3": ("pty_maker", _AT_AUCTION),
}
AT_AUCTION: Final = tuple(name for name in LISTINGS if "auction" in name)
_GRANTS: Final = GrantTerms(
    policy=Policy(
        permissions=(
            Permission(
                action="use",
                constraints=(Constraint(left_operand="count", operator="lteq", right_operand=60),),
            ),
        )
    ),
    lasts_ms=90_000,
)
_NONCE: Final = "0" * 32
_SOFT: Final = SoftClose(window_ms=5_000, extend_by_ms=7_000, extensions_max=2)
_AGAIN: Final = Relist(times_max=2, after_ms=2_000, lasts_ms=15_000, price_bps=8_000)
_EBAY: Final = {"increments": INCREMENT_TABLES["ebay-2003"]}
FORMATS: Final[tuple[tuple[type[Any], dict[str, Any]], ...]] = (
    (EnglishTerms, {**_EBAY, "soft_close": _SOFT}),
    (EnglishTerms, _EBAY),
    (SealedFirstPriceTerms, {}),
    (SealedSecondPriceTerms, {}),
    (DutchTerms, {"step_minor": 700, "interval_ms": 900, "floor_price_minor": 1}),
    (UniformTerms, {"licences": 2}),
    (UniformTerms, {"licences": 3, "pricing": UniformPricing.LOWEST_WINNING}),
    (DiscriminatoryTerms, {"licences": 3}),
)
BIDDING: Final = ("bid", "subscribe", "request")
OFTEN: Final = {
    "open_auction": 5,
    "bid": 20,
    "subscribe": 3,
    "request": 2,
    "use": 6,
    "deposit": 2,
    "withdraw": 1,
    "pay_out": 1,
    "refund": 4,
    "grant": 4,
    "auction": 2,
    "party": 1,
    "listing": 1,
}


@lru_cache(maxsize=1)
def founding() -> tuple[Command, ...]:
    """Return the first commands of the venue, at T0."""
    said: list[Command] = []

    def keep(cascade: list[Any]) -> None:
        said.append(cascade[0].message)

    stage = Stage(TERMS, T0, keep)
    for supplier, kind in SUPPLIERS.items():
        stage.admit(supplier, Role.SUPPLIER, kind=kind)
    for buyer in BUYERS:
        stage.admit(buyer, Role.BUYER, kind=PartyKind.PERSON, money_minor=MONEY_MINOR)
    for listing_id, (supplier, offer) in LISTINGS.items():
        stage.publish(listing_id, supplier, offer, entry(listing_id), CONTENT, _GRANTS)
    return tuple(said)


class Wishes:
    """Makes one command after another; ids are numbered, and what later ones speak of was
    probably done before.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0
        self._auctions: list[tuple[str, int, int]] = []  # id, its end, its licences
        self._free_ms = dict.fromkeys(AT_AUCTION, 0)  # when a listing's auction has ended
        self._deals: list[tuple[str, str]] = []  # a request that may bring a grant, its buyer

    def next(self, now_ms: int) -> Command:
        rng = self._rng
        kind = rng.choices(list(OFTEN), list(OFTEN.values()))[0] if self._count > 1 else ""
        if not kind or (kind in ("bid", "auction") and not self._auctions):
            kind = "open_auction"
        if kind == "open_auction" and min(self._free_ms.values()) > now_ms and rng.random() < 7 / 8:
            kind = "bid"
        make: Callable[[int], Command] = getattr(self, f"_{kind}")
        return make(now_ms)

    def _id(self, role: str) -> str:
        self._count += 1
        return f"{role}_{self._count:05}"

    def _amount(self) -> int:
        rng = self._rng
        return rng.choice((9_000, 9_000, 12_000, rng.randint(1, 60_000)))

    def _open_auction(self, now_ms: int) -> Command:
        rng = self._rng
        listing_id = min(AT_AUCTION, key=lambda id: (self._free_ms[id] > now_ms, rng.random()))
        format, more = rng.choice(FORMATS)
        ends_at_ms = now_ms + rng.randint(6_000, 30_000)
        dutch = format is DutchTerms
        start = rng.randint(1, 3_000)
        if not dutch:
            rights = rng.choice(((), (), ("pty_anna",)))
            reserve = rng.choice((0, 0, 0, 9_000, 40_000))
            more = {**more, "reserve_price_minor": reserve, "priority_ids": rights}
            more["reserve_hidden"] = rng.random() < 1 / 2
        terms: AuctionTerms = format(
            currency=CURRENCY,
            starts_at_ms=now_ms,
            ends_at_ms=ends_at_ms,
            start_price_minor=start * 20 if dutch else start,
            relist=_AGAIN if rng.random() < 1 / 3 else None,
            **more,
        )
        auction_id = self._id("auc")
        self._auctions.append((auction_id, ends_at_ms, more.get("licences", 1)))
        self._free_ms[listing_id] = ends_at_ms
        return c.OpenAuction(
            id=auction_id,
            at_ms=now_ms,
            listing_id=listing_id,
            supplier_id=LISTINGS[listing_id][0],
            terms=terms,
            nonce=_NONCE,
        )

    def _bid(self, now_ms: int) -> Command:
        rng = self._rng
        amount = self._amount()
        live = [one for one in self._auctions if one[1] > now_ms] or self._auctions
        auction_id, _, licences = rng.choice(live if rng.random() < 7 / 8 else self._auctions)
        many = licences > 1 or rng.random() < 1 / 20
        quarters = rng.choice(((), (3,), (2,), (3, 2)[: max(1, licences - 1)])) if many else ()
        bid_id, bidder_id = self._deal("bid")
        return c.PlaceBid(
            id=bid_id,
            at_ms=now_ms,
            auction_id=auction_id,
            bidder_id=bidder_id,
            currency=CURRENCY,
            max_price_minor=amount,
            nonce=_NONCE,
            further_minor=tuple(max(1, amount * part // 4) for part in quarters),
        )

    def _subscribe(self, now_ms: int) -> Command:
        id, buyer_id = self._deal("sub")
        return c.Subscribe(
            id=id,
            at_ms=now_ms,
            listing_id="lst_metered",
            buyer_id=buyer_id,
            currency=CURRENCY,
            budget_minor=self._rng.randint(50, 2_000),
        )

    def _request(self, now_ms: int) -> Command:
        id, buyer_id = self._deal("acc")
        return c.RequestAccess(id=id, at_ms=now_ms, listing_id="lst_free", buyer_id=buyer_id)

    def _use(self, now_ms: int) -> Command:
        grant_id, buyer_id = self._grant_and_buyer("sub")
        return c.RecordUsage(
            id=self._id("usg"),
            at_ms=now_ms,
            grant_id=grant_id,
            buyer_id=buyer_id,
            quantity=self._rng.randint(1, 30),
        )

    def _deposit(self, now_ms: int) -> Command:
        return c.Deposit(
            id=self._id("trf"),
            at_ms=now_ms,
            party_id=self._rng.choice(BUYERS),
            operator_id=OPERATOR,
            currency=CURRENCY,
            amount_minor=self._amount(),
            reference="bank",
        )

    def _withdraw(self, now_ms: int) -> Command:
        return c.Withdraw(
            id=self._id("trf"),
            at_ms=now_ms,
            party_id=self._rng.choice((*BUYERS, *SUPPLIERS)),
            currency=CURRENCY,
            amount_minor=self._amount(),
        )

    def _pay_out(self, now_ms: int) -> Command:
        return c.PayOut(
            id=self._id("trf"),
            at_ms=now_ms,
            operator_id=OPERATOR,
            purse=self._rng.choice(tuple(Purse)),
            currency=CURRENCY,
            amount_minor=self._rng.randint(1, 50),
            reference="bank",
        )

    def _refund(self, now_ms: int) -> Command:
        grant_id, _ = self._grant_and_buyer("bid", "bid", "sub")
        return c.Refund(
            id=self._id("trf"),
            at_ms=now_ms,
            grant_id=grant_id,
            operator_id=OPERATOR,
            amount_minor=self._rng.randint(1, 99),
            reason="quality",
        )

    def _grant(self, now_ms: int) -> Command:
        grant_id, buyer_id = self._grant_and_buyer("sub", "acc", "bid")
        about: dict[str, Any] = {"id": self._id("cmd"), "at_ms": now_ms, "grant_id": grant_id}
        match self._rng.randrange(6):
            case 0 | 1:
                amount = self._rng.randint(1, 1_000)
                money: dict[str, Any] = {"currency": CURRENCY, "amount_minor": amount}
                return c.TopUpGrant(buyer_id=buyer_id, **about, **money)
            case 2:
                return c.EndGrant(buyer_id=buyer_id, **about)
            case 3:
                return c.RevokeGrant(operator_id=OPERATOR, reason="breach", **about)
            case 4:
                return c.SuspendGrant(operator_id=OPERATOR, reason="check", **about)
            case _:
                return c.ResumeGrant(operator_id=OPERATOR, **about)

    def _auction(self, now_ms: int) -> Command:
        about: dict[str, Any] = {"at_ms": now_ms, "auction_id": self._rng.choice(self._auctions)[0]}
        about |= {"id": self._id("cmd"), "operator_id": OPERATOR, "reason": "outage"}
        if self._rng.random() < 1 / 2:
            return c.CancelAuction(**about)
        return c.ExtendAuction(ends_at_ms=now_ms + 9_000, **about)

    def _party(self, now_ms: int) -> Command:
        party_id = self._rng.choice((*BUYERS, *SUPPLIERS))
        about: dict[str, Any] = {"id": self._id("cmd"), "at_ms": now_ms, "party_id": party_id}
        if self._rng.random() < 1 / 3:
            return c.SuspendParty(operator_id=OPERATOR, reason="inquiry", **about)
        return c.ResumeParty(operator_id=OPERATOR, **about)

    def _listing(self, now_ms: int) -> Command:
        about: dict[str, Any] = {"id": self._id("cmd"), "at_ms": now_ms, "operator_id": OPERATOR}
        about["listing_id"] = self._rng.choice(tuple(LISTINGS))
        if self._rng.random() < 1 / 3:
            return c.SuspendListing(reason="check", **about)
        return c.ResumeListing(**about)

    def _deal(self, role: str) -> tuple[str, str]:
        self._deals.append((self._id(role), self._rng.choice(BUYERS)))
        return self._deals[-1]

    def _grant_and_buyer(self, *roles: str) -> tuple[str, str]:
        """Return a grant that may exist, and its buyer."""
        role = self._rng.choice(roles)
        deals = [deal for deal in self._deals if deal[0].startswith(role)] or [("non_00000", "")]
        request_id, buyer_id = self._rng.choice(deals[-5:])
        return derive_id(request_id, "grt"), buyer_id or BUYERS[0]
