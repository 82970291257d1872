"""Auctions, bids and trades."""

from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel
from sqlmodel import Session, col, or_, select
from starlette.concurrency import run_in_threadpool

from market.clearing import clock_price
from market.ledger import booked, postings
from schemas import commands as c
from schemas.auctions import DutchTerms
from schemas.base import Command
from services.gateway import tables as t
from services.gateway import trail_search
from services.gateway.calls import Call, Caller
from services.gateway.paging import After, Limit, Newest, Page, page
from services.gateway.requests.base import ReasonBody, make, new_nonce
from services.gateway.requests.deals import BidBody, ExtensionBody
from services.gateway.sealed import bidder_alias

router = APIRouter(prefix="/v1", tags=["deals"])
SCHEDULED: Final = "scheduled"  # an open auction before its start; time alone ends it


class TransferLeg(BaseModel):
    """Money taken from an account (below zero) or put into it."""

    account: str
    amount_minor: int


class Transfer(BaseModel):
    position: int
    kind: str
    currency: str
    legs: list[TransferLeg]
    at_ms: int


@router.get("/auctions")
async def auctions(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    status: str | None = None,
    listing_id: str | None = None,
    newest_first: Newest = False,
) -> Page[t.AuctionView]:
    """With `status`: scheduled, open, sold, unsold or cancelled."""
    conditions = [] if status is None else _in_status(status, call.at_ms)
    if listing_id is not None:
        conditions.append(col(t.AuctionRow.listing_id) == listing_id)
    found = await page(call, t.AuctionRow, limit, after, *conditions, newest_first=newest_first)
    shown = [auction_view(row, call.at_ms) for row in found.items]
    return Page(items=shown, next_after=found.next_after)


@router.get("/auctions/{auction_id}")
async def auction(auction_id: str, call: Caller) -> t.AuctionView:
    """As it stands now. Its supplier also sees a reserve that is hidden from others."""
    view = auction_view(await call.read(t.AuctionRow, auction_id), call.at_ms)
    if call.speaks and call.party_id == view.supplier_id:
        secret = await call.read(t.AuctionSecretRow, auction_id)
        view.reserve_price_minor = secret.reserve_price_minor
    return view


@router.get("/auctions/{auction_id}/bids")
async def auction_bids(auction_id: str, call: Caller) -> list[t.PublicBid]:
    """Bidders stand under an alias; no maximum is shown, only the price each bid led to."""
    await call.read(t.AuctionRow, auction_id)

    def ask(session: Session) -> Any:
        placed = (t.BidRow.auction_id == auction_id, col(t.BidRow.price_minor).is_not(None))
        query = (
            select(t.BidRow).where(*placed).order_by(col(t.BidRow.at_ms), col(t.BidRow.position))
        )
        return session.exec(query.limit(1_000)).all()

    return [
        t.PublicBid(
            bidder=bidder_alias(auction_id, bid.bidder_id),
            price_minor=bid.price_minor,
            at_ms=bid.at_ms,
        )
        for bid in await call.query(ask)
    ]


@router.post("/auctions/{auction_id}/bids", response_model=t.BidRow)
async def place_bid(auction_id: str, body: BidBody, call: Caller) -> Response:
    """The maximum is reserved with the buyer's fee; nobody else sees it while the auction runs."""
    bid_id = call.id("bid")
    command = make(
        c.PlaceBid,
        id=bid_id,
        at_ms=call.at_ms,
        auction_id=auction_id,
        bidder_id=call.party_id,
        nonce=new_nonce(),
        release_nonce=new_nonce(),
        **body.model_dump(),
    )
    return await call.send(command, t.BidRow, bid_id)


@router.post("/auctions/{auction_id}/withdrawal", response_model=t.AuctionView)
async def withdraw(auction_id: str, body: ReasonBody, call: Caller) -> Response:
    """Take an auction back, which is free until its first bid."""
    fields = {"supplier_id": call.party_id, "reason": body.reason}
    return await _step(call, auction_id, c.WithdrawAuction, **fields)


@router.post("/auctions/{auction_id}/cancellation", response_model=t.AuctionView)
async def cancel(auction_id: str, body: ReasonBody, call: Caller) -> Response:
    """Cancel an auction, which releases all that was reserved for it."""
    fields = {"operator_id": call.party_id, "reason": body.reason}
    return await _step(call, auction_id, c.CancelAuction, **fields)


@router.post("/auctions/{auction_id}/extension", response_model=t.AuctionView)
async def extend(auction_id: str, body: ExtensionBody, call: Caller) -> Response:
    """Move an auction's end later, after an outage."""
    fields = {"operator_id": call.party_id, **body.model_dump()}
    return await _step(call, auction_id, c.ExtendAuction, **fields)


@router.get("/bids")
async def own_bids(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    auction_id: str | None = None,
    newest_first: Newest = False,
) -> Page[t.BidRow]:
    """The caller's own bids, in the order they last changed."""
    conditions = [col(t.BidRow.bidder_id) == call.party_id]
    if auction_id is not None:
        conditions.append(col(t.BidRow.auction_id) == auction_id)
    return await page(call, t.BidRow, limit, after, *conditions, newest_first=newest_first)


@router.get("/bids/{bid_id}")
async def own_bid(bid_id: str, call: Caller) -> t.BidRow:
    """A bid, with its maximum, as its bidder sees it."""
    row = await call.read(t.BidRow, bid_id)
    call.owns(row.bidder_id)
    return row


@router.get("/trades")
async def trades(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    listing_id: str | None = None,
    newest_first: Newest = False,
) -> Page[t.TradeRow]:
    """The caller's trades, as buyer and as supplier."""
    mine = or_(
        col(t.TradeRow.buyer_id) == call.party_id, col(t.TradeRow.supplier_id) == call.party_id
    )
    conditions: list[Any] = [] if call.sees_all else [mine]
    if listing_id is not None:
        conditions.append(col(t.TradeRow.listing_id) == listing_id)
    return await page(call, t.TradeRow, limit, after, *conditions, newest_first=newest_first)


@router.get("/trades/{trade_id}")
async def trade(trade_id: str, call: Caller) -> t.TradeRow:
    """A trade: who, what, at which price, and whether it is settled."""
    row = await call.read(t.TradeRow, trade_id)
    call.owns(row.buyer_id, row.supplier_id)
    return row


@router.get("/trades/{trade_id}/transfers")
async def transfers(trade_id: str, call: Caller) -> list[Transfer]:
    """What was paid when the trade was settled, and to whom, as both of its parties and the
    oversight see it; `position` is the record's in the trail. Nothing for what is free.
    """
    row = await trade(trade_id, call)
    if not row.settled or not row.currency:
        return []
    log = call.exchange.log
    found = await run_in_threadpool(trail_search.transfers, log, trade_id, row.position)
    return [
        Transfer(
            position=position,
            kind=event.kind,
            currency=event.currency,
            legs=[
                TransferLeg(account=account, amount_minor=amount)
                for account, amount in booked(postings(event))
            ],
            at_ms=event.at_ms,
        )
        for position, event in found
    ]


@router.get("/commands/{command_id}")
async def command(command_id: str, call: Caller) -> t.CommandStatus:
    """What became of a command. Its id can be made only by its sender."""
    return await call.read(t.CommandRow, command_id)


def auction_view(row: t.AuctionRow, at_ms: int) -> t.AuctionView:
    """Return an auction as it stands at this time, by what has become of it so far."""
    view = t.AuctionView(**row.model_dump())
    if row.status != "open":
        return view
    if at_ms < row.starts_at_ms:
        view.status = SCHEDULED
    if row.format == "dutch":
        view.clock_price_minor = clock_price(msgspec.convert(row.terms, DutchTerms), at_ms)
    return view


def _in_status(status: str, at_ms: int) -> list[Any]:
    if status not in (SCHEDULED, "open"):
        return [col(t.AuctionRow.status) == status]
    starts = col(t.AuctionRow.starts_at_ms)
    time = starts > at_ms if status == SCHEDULED else starts <= at_ms
    return [col(t.AuctionRow.status) == "open", time]


async def send_of_auction(call: Call, command: Command, auction_id: str) -> Response:
    """Send a command on an auction; the answer shows the auction as `GET` does."""
    return await call.send(
        command, t.AuctionRow, auction_id, lambda row: auction_view(row, call.at_ms)
    )


async def _step(call: Call, auction_id: str, kind: Any, **fields: Any) -> Response:
    command = make(kind, id=call.id("cmd"), at_ms=call.at_ms, auction_id=auction_id, **fields)
    return await send_of_auction(call, command, auction_id)
