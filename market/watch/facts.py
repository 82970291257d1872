"""What the watch keeps of an event: never an amount that is sealed.

The reserve, a bid's maximum and its nonce stop here, so neither the watch's state nor anything it
says can hold them.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from market import meter
from schemas import events as e
from schemas.catalogue import AuctionOffer, FreeOffer, MeteredOffer
from schemas.envelope import Message, Record
from schemas.tariff import Unit

PRICE_SCALE: Final = 10**9  # prices are compared in billionths of a minor unit
# What a tariff is priced for, beyond its free units: more calls would be more use, not more price.
PROFILE_UNITS: Final = {Unit.CALL: 1_000, Unit.ROW: 100_000, Unit.BYTE: 10_000_000}


class _Fact(msgspec.Struct, kw_only=True, tag=True, gc=False): ...


class Admitted(_Fact):
    party_id: str
    controller_id: str | None


class Described(_Fact):
    listing_id: str
    field: str


class Opened(_Fact):
    auction_id: str
    supplier_id: str


class Placed(_Fact):
    auction_id: str
    bidder_id: str


class Refused(_Fact):
    party_id: str


class Unsold(_Fact):
    auction_id: str


class Traded(_Fact):
    """`priced` over `quantity` is the price, in billionths of a minor unit, of one licence or of a
    tariff's profile; both are 0 for free use. `item` tells prices apart that cannot be compared.
    """

    mode: str
    item: str
    deal_id: str
    listing_id: str
    data_set_id: str
    supplier_id: str
    buyer_id: str
    currency: str | None
    paid_minor: int
    priced: int
    quantity: int


class Used(_Fact):
    grant_id: str
    buyer_id: str
    quantity: int


class Charged(_Fact):
    currency: str
    amount_minor: int


class Ended(_Fact):
    grant_id: str


Fact = Admitted | Described | Opened | Placed | Refused | Unsold | Traded | Used | Charged | Ended


class Seen(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """An event of one stream, in its place in it; without a fact it only lets time pass.

    `id` and `correlationid` are its record's.
    """

    sequence: int
    id: str
    correlationid: str
    at_ms: int
    fact: Fact | None


def see(record: Record) -> Seen:
    make = _FACTS.get(type(record.data))
    return Seen(
        sequence=record.sequence,
        id=record.id,
        correlationid=record.correlationid,
        at_ms=record.data.at_ms,
        fact=None if make is None else make(record.data),
    )


def _traded(event: e.TradeExecuted) -> Traded:
    mode, kind, priced, quantity = _priced(event)
    return Traded(
        mode=mode,
        item=f"{event.data_set_id}/{kind}/{event.currency}",
        deal_id=event.deal_id,
        listing_id=event.listing_id,
        data_set_id=event.data_set_id,
        supplier_id=event.supplier_id,
        buyer_id=event.buyer_id,
        currency=event.currency,
        paid_minor=event.price_minor,
        priced=priced,
        quantity=quantity,
    )


def _priced(event: e.TradeExecuted) -> tuple[str, str, int, int]:
    match event.offer:
        case AuctionOffer():
            return "auction", "licence", event.price_minor * PRICE_SCALE, event.quantity
        case MeteredOffer(tariff=tariff):
            units = PROFILE_UNITS[tariff.unit]
            return "metered", tariff.unit.value, meter.exact_price(tariff, units), 1
        case FreeOffer():
            return "free", "", 0, 0


_FACTS: Final[dict[type[Message], Callable[[Any], Fact]]] = {
    e.PartyAdmitted: lambda event: Admitted(
        party_id=event.party_id, controller_id=event.controller_id
    ),
    e.ListingDrafted: lambda event: Described(listing_id=event.id, field=event.entry.field),
    e.ListingAmended: lambda event: Described(listing_id=event.listing_id, field=event.entry.field),
    e.AuctionOpened: lambda event: Opened(auction_id=event.id, supplier_id=event.supplier_id),
    e.BidPlaced: lambda event: Placed(auction_id=event.auction_id, bidder_id=event.bidder_id),
    e.BidRejected: lambda event: Refused(party_id=event.bidder_id),
    e.SubscriptionRejected: lambda event: Refused(party_id=event.buyer_id),
    e.AuctionClosedUnsold: lambda event: Unsold(auction_id=event.auction_id),
    e.AuctionCancelled: lambda event: Unsold(auction_id=event.auction_id),
    e.TradeExecuted: _traded,
    e.UsageRecorded: lambda event: Used(
        grant_id=event.grant_id, buyer_id=event.buyer_id, quantity=event.quantity
    ),
    e.UsageCharged: lambda event: Charged(currency=event.currency, amount_minor=event.charge_minor),
    e.UsageRefused: lambda event: Refused(party_id=event.buyer_id),
    e.GrantExhausted: lambda event: Ended(grant_id=event.grant_id),
    e.GrantExpired: lambda event: Ended(grant_id=event.grant_id),
    e.GrantRevoked: lambda event: Ended(grant_id=event.grant_id),
}
TAKES: Final = frozenset(_FACTS)
