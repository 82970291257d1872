"""What the watch keeps of an event: never an amount that is sealed.

The reserve, a bid's maximum and its nonce stop here, so neither the watch's state nor anything it
says can hold them.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from market import meter
from schemas import events as e
from schemas.base import SchemaError
from schemas.catalogue import AuctionOffer, FreeOffer, MeteredOffer
from schemas.envelope import decode_message, event_id
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


class _Plain(msgspec.Struct, gc=False):
    """What the facts of most messages are made of; reading no more takes a third of the time."""

    type: str
    at_ms: int
    id: str = ""
    auction_id: str = ""
    bidder_id: str = ""
    buyer_id: str = ""
    supplier_id: str = ""
    party_id: str = ""
    controller_id: str | None = None
    grant_id: str = ""
    quantity: int = 0
    currency: str = ""
    charge_minor: int = 0


_PLAINLY: Final = msgspec.json.Decoder(_Plain)


def see(service: str, sequence: int, correlationid: str, canonical: bytes) -> Seen:
    """Return the event of a service as the watch sees it. Raises SchemaError when the bytes are no
    message.
    """
    try:
        event = _PLAINLY.decode(canonical)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"not a message: {error}") from error
    fact = None
    if (make := _FACTS.get(event.type)) is not None:
        fact = make(event)
    elif (make := _FACTS_OF_WHOLE.get(event.type)) is not None:
        fact = make(decode_message(canonical))
    return Seen(
        sequence=sequence,
        id=event_id(service, sequence),
        correlationid=correlationid,
        at_ms=event.at_ms,
        fact=fact,
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


_FACTS: Final[dict[str, Callable[[_Plain], Fact]]] = {
    "PartyAdmitted": lambda event: Admitted(
        party_id=event.party_id, controller_id=event.controller_id
    ),
    "AuctionOpened": lambda event: Opened(auction_id=event.id, supplier_id=event.supplier_id),
    "BidPlaced": lambda event: Placed(auction_id=event.auction_id, bidder_id=event.bidder_id),
    "BidRejected": lambda event: Refused(party_id=event.bidder_id),
    "SubscriptionRejected": lambda event: Refused(party_id=event.buyer_id),
    "AuctionClosedUnsold": lambda event: Unsold(auction_id=event.auction_id),
    "AuctionCancelled": lambda event: Unsold(auction_id=event.auction_id),
    "UsageRecorded": lambda event: Used(
        grant_id=event.grant_id, buyer_id=event.buyer_id, quantity=event.quantity
    ),
    "UsageCharged": lambda event: Charged(currency=event.currency, amount_minor=event.charge_minor),
    "UsageRefused": lambda event: Refused(party_id=event.buyer_id),
    "GrantExhausted": lambda event: Ended(grant_id=event.grant_id),
    "GrantExpired": lambda event: Ended(grant_id=event.grant_id),
    "GrantRevoked": lambda event: Ended(grant_id=event.grant_id),
}
_FACTS_OF_WHOLE: Final[dict[str, Callable[[Any], Fact]]] = {
    "ListingDrafted": lambda event: Described(listing_id=event.id, field=event.entry.field),
    "ListingAmended": lambda event: Described(listing_id=event.listing_id, field=event.entry.field),
    "TradeExecuted": _traded,
}
TAKES: Final = frozenset({*_FACTS, *_FACTS_OF_WHOLE})
