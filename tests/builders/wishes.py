"""What parties of a venue say when machines are being killed: every kind of command, as many as
wanted, each made again from its number alone.
"""

import random
from collections.abc import Callable
from itertools import groupby
from typing import Any, Final

from schemas import commands as c
from schemas.auctions import (
    INCREMENT_TABLES,
    AuctionTerms,
    DutchTerms,
    EnglishTerms,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    UniformTerms,
)
from schemas.base import Command
from schemas.parties import Role, VenueTerms
from schemas.topics import TOPIC_OF
from services.clock import Clock
from simulation.stage import OPERATOR, Stage
from tests.builders.market import AT_AUCTION, CONTENT, ENTRY, FREE, METERED, NONCE

BUYERS: Final = 4
MONEY: Final = 10**12
AUCTION_EVERY: Final = 25  # commands
LIVE_AUCTIONS: Final = 8  # the newest, on which is bid
LISTINGS: Final = 12  # on which auctions follow each other


def founding(venue: str, now_ms: int) -> list[list[Command]]:
    """Return the first commands of a venue in stages, each to be said when the one before has had
    all its effects.
    """
    said: list[Command] = []
    stage = Stage(
        VenueTerms(currencies=("CNY",), buyer_fee_bps=100, seller_fee_bps=200),
        now_ms,
        lambda cascade: said.append(cascade[0].message),
    )
    stage.admit(f"pty_{venue}seller", Role.SUPPLIER)
    for number in range(BUYERS):
        stage.admit(_buyer(venue, number), Role.BUYER, money_minor=MONEY)
    offers = {"free": FREE, "metered": METERED}
    offers |= {f"auction{number}": AT_AUCTION for number in range(LISTINGS)}
    for name, offer in offers.items():
        stage.publish(f"lst_{venue}{name}", f"pty_{venue}seller", offer, ENTRY, CONTENT)
    for number in range(BUYERS):
        stage.say(
            c.Subscribe(
                id=f"sub_{venue}{number}",
                at_ms=now_ms,
                listing_id=f"lst_{venue}metered",
                buyer_id=_buyer(venue, number),
                currency="CNY",
                budget_minor=MONEY // 1_000,
            )
        )
    for number in range(BUYERS):
        use = {"grant_id": f"grt_{venue}{number}", "buyer_id": _buyer(venue, number)}
        stage.say(c.RecordUsage(id=f"usg_{venue}{number}", at_ms=now_ms, quantity=10_000, **use))
    return [list(some) for _, some in groupby(said, key=lambda one: TOPIC_OF[type(one)].name)]


def wish(venue: str, number: int, now_ms: int) -> Command:
    """Return the command of this number, the first being 0."""
    rng = random.Random(f"{venue}/{number}")
    if number % AUCTION_EVERY == 0:
        return _auction(venue, number, now_ms, rng)
    kind = rng.choice(_KINDS)
    role = ROLE_OF[kind]
    return kind(venue, f"{role}_{venue}n{number}", now_ms, rng, number)


def deposit(venue: str, probe: int) -> Command:
    """Return one more command for settlement, outside the numbered ones."""
    now_ms, rng = Clock()(), random.Random(probe)
    return _deposit(venue, f"trf_{venue}probe{probe}", now_ms, rng, probe)


def access(venue: str, probe: int) -> Command:
    """Return one more command for matching."""
    now_ms, rng = Clock()(), random.Random(probe)
    return _access(venue, f"acc_{venue}probe{probe}", now_ms, rng, probe)


def _buyer(venue: str, number: int) -> str:
    return f"pty_{venue}b{number}"


def _auction(venue: str, number: int, now_ms: int, rng: random.Random) -> Command:
    """It ends while the killing goes on."""
    turn = number // AUCTION_EVERY
    ends_at_ms = now_ms + rng.randint(1_500, 8_000)
    return c.OpenAuction(
        id=f"auc_{venue}n{number}",
        at_ms=now_ms,
        listing_id=f"lst_{venue}auction{turn % LISTINGS}",
        supplier_id=f"pty_{venue}seller",
        terms=_FORMATS[turn % len(_FORMATS)](
            currency="CNY", starts_at_ms=now_ms, ends_at_ms=ends_at_ms
        ),
        nonce=NONCE,
    )


def _english(**common: Any) -> AuctionTerms:
    return EnglishTerms(start_price_minor=100, increments=INCREMENT_TABLES["ebay-2003"], **common)


def _dutch(**common: Any) -> AuctionTerms:
    falling = {"step_minor": 7, "interval_ms": 50, "floor_price_minor": 300}
    return DutchTerms(start_price_minor=9_000, **falling, **common)


_FORMATS: Final[list[Callable[..., AuctionTerms]]] = [
    _english,
    lambda **common: SealedFirstPriceTerms(start_price_minor=100, **common),
    lambda **common: SealedSecondPriceTerms(start_price_minor=100, **common),
    lambda **common: UniformTerms(start_price_minor=100, licences=3, **common),
    _dutch,
]


def _bid(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    newest = number // AUCTION_EVERY
    turn = rng.randint(max(0, newest - LIVE_AUCTIONS), newest)
    return c.PlaceBid(
        id=id,
        at_ms=now_ms,
        auction_id=f"auc_{venue}n{turn * AUCTION_EVERY}",
        bidder_id=_buyer(venue, rng.randrange(BUYERS)),
        currency="CNY",
        max_price_minor=rng.randint(90, 20_000),
        nonce=NONCE,
    )


def _deposit(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    return c.Deposit(
        id=id,
        at_ms=now_ms,
        party_id=_buyer(venue, rng.randrange(BUYERS)),
        operator_id=OPERATOR,
        currency="CNY",
        amount_minor=rng.randint(1, 99_999),
        reference=f"bank {number}",
    )


def _use(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    buyer = rng.randrange(BUYERS)
    grant_id, quantity = f"grt_{venue}{buyer}", rng.randint(1, 5)
    return c.RecordUsage(
        id=id, at_ms=now_ms, grant_id=grant_id, buyer_id=_buyer(venue, buyer), quantity=quantity
    )


def _access(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    buyer_id = _buyer(venue, rng.randrange(BUYERS))
    return c.RequestAccess(id=id, at_ms=now_ms, listing_id=f"lst_{venue}free", buyer_id=buyer_id)


def _subscribe(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    return c.Subscribe(
        id=id,
        at_ms=now_ms,
        listing_id=f"lst_{venue}metered",
        buyer_id=_buyer(venue, rng.randrange(BUYERS)),
        currency="CNY",
        budget_minor=rng.randint(1, 9_999),
    )


def _top_up(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    buyer = rng.randrange(BUYERS)
    return c.TopUpGrant(
        id=id,
        at_ms=now_ms,
        grant_id=f"grt_{venue}{buyer}",
        buyer_id=_buyer(venue, buyer),
        currency="CNY",
        amount_minor=rng.randint(1, 999),
    )


def _refund(venue: str, id: str, now_ms: int, rng: random.Random, number: int) -> Command:
    return c.Refund(
        id=id,
        at_ms=now_ms,
        grant_id=f"grt_{venue}{rng.randrange(BUYERS)}",
        operator_id=OPERATOR,
        amount_minor=rng.randint(1, 20),
        reason=f"rows were missing {number}",
    )


ROLE_OF: Final[dict[Callable[..., Command], str]] = {
    _bid: "bid",
    _deposit: "trf",
    _use: "usg",
    _access: "acc",
    _subscribe: "sub",
    _top_up: "trf",
    _refund: "trf",
}
_KINDS: Final = [*ROLE_OF, _bid, _bid, _bid, _bid, _use]
