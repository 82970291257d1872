"""What can be told by webhook: each kind with its event, whom it goes to, and what it says.

Nothing is said that the party could not read at the edge at that moment: no maximum, no sealed bid.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, get_args

import msgspec
from sqlmodel import Session, SQLModel, col, select

from schemas import events as e
from schemas.catalogue import AuctionOffer
from schemas.envelope import Message
from schemas.ids import derive_id
from schemas.topics import TOPIC_OF
from services.gateway import tables as t


class Notice(NamedTuple):
    """One thing to tell one party."""

    kind: str
    party_id: str
    data: dict[str, Any]


Tell = Callable[[Session, Any], Iterable[Notice]]
PING: Final = "webhook.ping"
BIDDERS_TOLD_MAX: Final = 1_000  # of one auction


def notices(session: Session, event: Message) -> list[Notice]:
    """Return what this event tells, from read models that hold it already."""
    tell = _TOLD.get(type(event))
    told = [] if tell is None else list(tell(session, event))
    assert {notice.kind for notice in told} <= set(KINDS), "only what can be asked for is told"
    return told


def _to(kind: str, party: str, *names: str) -> Tell:
    """Tell these fields of an event to the party that its field `party` names."""

    def tell(session: Session, event: Any) -> list[Notice]:
        return [Notice(kind, getattr(event, party), _fields(event, names))]

    return tell


def _bid_lost(session: Session, event: e.BidLost) -> list[Notice]:
    data = {"result": "lost", **_fields(event, ("auction_id", "bid_id", "reason"))}
    return [Notice("auction.ended", event.bidder_id, data)]


def _traded(session: Session, event: e.TradeExecuted) -> list[Notice]:
    said = _fields(event, ("id", "listing_id", "deal_id", "price_minor", "currency"))
    trade = {"trade_id": said.pop("id"), **said, "grant_id": derive_id(event.id, "grt")}
    if not isinstance(event.offer, AuctionOffer):
        return [Notice("trade.executed", event.supplier_id, trade)]
    data = {"auction_id": trade.pop("deal_id"), **trade}
    return [
        Notice("auction.ended", event.buyer_id, {"result": "won", **data}),
        Notice("auction.ended", event.supplier_id, {"result": "sold", **data}),
    ]


def _auction(kind: str, *names: str, result: str = "", bidders: bool = False) -> Tell:
    """Tell an auction's supplier, and those who have bid in it when asked to."""

    def tell(session: Session, event: Any) -> list[Notice]:
        data = {**({"result": result} if result else {}), **_fields(event, names)}
        row = session.get(t.AuctionRow, event.auction_id)
        told = [] if row is None else [row.supplier_id]
        if bidders:
            told += _bidders(session, event.auction_id)
        return [Notice(kind, party_id, data) for party_id in told]

    return tell


def _bidders(session: Session, auction_id: str) -> list[str]:
    query = select(t.BidRow.bidder_id).where(t.BidRow.auction_id == auction_id).distinct()
    placed = query.where(col(t.BidRow.status) != "rejected")
    return list(session.exec(placed.order_by(t.BidRow.bidder_id).limit(BIDDERS_TOLD_MAX)))


def _grant(kind: str, *names: str) -> Tell:
    """Tell a grant's buyer and its supplier."""
    return _both(kind, t.GrantRow, "grant_id", ("buyer_id", "supplier_id"), names)


def _listing(kind: str, *names: str) -> Tell:
    return _both(kind, t.ListingRow, "listing_id", ("supplier_id",), names)


def _both(
    kind: str, table: type[SQLModel], key: str, parties: tuple[str, ...], names: tuple[str, ...]
) -> Tell:
    def tell(session: Session, event: Any) -> list[Notice]:
        row = session.get(table, getattr(event, key))
        data = {key: getattr(event, key), **_fields(event, names)}
        told = [] if row is None else [getattr(row, party) for party in parties]
        return [Notice(kind, party_id, data) for party_id in told]

    return tell


def _issued(session: Session, event: e.GrantIssued) -> list[Notice]:
    data = {"grant_id": event.id, **_fields(event, ("trade_id", "listing_id", "expires_at_ms"))}
    return [Notice("grant.issued", party, data) for party in (event.buyer_id, event.supplier_id)]


def _requested(session: Session, event: e.AccessRequested) -> list[Notice]:
    data = {"access_id": event.id, "step": "AccessRequested", **_fields(event, _ACCESS[1:])}
    row = session.get(t.ListingRow, event.listing_id)
    return [] if row is None else [Notice("access.step", row.supplier_id, data)]


def _access(kind: str) -> Tell:
    """Tell the buyer and the supplier what was done, where the request stands, and until when."""

    def tell(session: Session, event: Any) -> list[Notice]:
        data = {"step": type(event).__name__, **_fields(event, _ACCESS)}
        return [Notice(kind, party_id, data) for party_id in (event.buyer_id, event.supplier_id)]

    return tell


def _fields(event: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: msgspec.to_builtins(getattr(event, name)) for name in (*names, "at_ms")}


_ACCESS: Final = ("access_id", "listing_id", "buyer_id", "stage", "due_ms")
_TOLD: Final[dict[type[Message], Tell]] = {
    e.BidRejected: _to("bid.rejected", "bidder_id", "auction_id", "bid_id", "reason"),
    e.BidOutbid: _to("bid.outbid", "bidder_id", "auction_id", "bid_id", "price_minor"),
    e.BidLost: _bid_lost,
    e.TradeExecuted: _traded,
    e.AuctionExtended: _auction("auction.extended", "auction_id", "ends_at_ms", bidders=True),
    e.AuctionClosedUnsold: _auction("auction.ended", "auction_id", "reason", result="unsold"),
    e.AuctionCancelled: _auction("auction.ended", "auction_id", "reason", result="cancelled"),
    e.GrantIssued: _issued,
    e.GrantSuspended: _grant("grant.suspended", "reason"),
    e.GrantResumed: _grant("grant.resumed"),
    e.GrantExhausted: _grant("grant.exhausted"),
    e.GrantExpired: _grant("grant.expired"),
    e.GrantRevoked: _grant("grant.revoked", "reason"),
    e.ListingReviewed: _listing("listing.reviewed", "approved", "reason"),
    e.ListingSuspended: _listing("listing.suspended", "reason"),
    e.ListingResumed: _listing("listing.resumed"),
    e.ListingExpired: _listing("listing.expired"),
    e.AccessRequested: _requested,
    **{step: _access("access.step") for step in get_args(e.AccessMove)},
    e.AccessOverdue: _access("access.overdue"),
}
KINDS: Final = (
    "bid.rejected",
    "bid.outbid",
    "auction.extended",
    "auction.ended",
    "trade.executed",
    "grant.issued",
    "grant.suspended",
    "grant.resumed",
    "grant.exhausted",
    "grant.expired",
    "grant.revoked",
    "listing.reviewed",
    "listing.suspended",
    "listing.resumed",
    "listing.expired",
    "access.step",
    "access.overdue",
)
TOPICS_TOLD: Final = frozenset(TOPIC_OF[kind].name for kind in _TOLD)
