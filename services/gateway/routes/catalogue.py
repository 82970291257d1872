"""Data sets with their content, and listings of them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlmodel import Session, SQLModel, col, func, or_, select
from starlette.concurrency import run_in_threadpool

from market.meter import price
from schemas import commands as c
from schemas.base import INTEGER_MAX
from schemas.catalogue import SAMPLE_ROWS_MAX, Content, MeteredOffer, Offer
from schemas.money import bps_of
from schemas.reasons import Refusal
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.paging import After, Limit, Newest, Page, page
from services.gateway.problems import Problem
from services.gateway.requests.base import ReasonBody, make
from services.gateway.requests.catalogue import ListingBody, ReviewBody, say_listing
from services.gateway.requests.deals import AuctionBody, SubscriptionBody, open_auction
from services.gateway.routes.deals import send_of_auction
from services.gateway.tabular import CSV, ContentError, ContentTooLarge, csv_text

router = APIRouter(prefix="/v1", tags=["catalogue"])
SampleRows = Annotated[int, Query(ge=0, le=SAMPLE_ROWS_MAX)]


class ListingCount(SQLModel):
    mode: str
    field: str
    count: int


class Quote(SQLModel):
    """`charge_minor` is by the tariff; `fee_minor`, the buyer's, comes on top."""

    quantity: int
    unit: str
    currency: str
    charge_minor: int
    fee_minor: int
    total_minor: int


@router.post("/data-sets", response_model=t.DataSetRow)
async def register(
    request: Request,
    call: Caller,
    title: Annotated[str, Query(min_length=1, max_length=200)],
    sample_rows: SampleRows = SAMPLE_ROWS_MAX,
) -> Response:
    """Upload a data set. The body is its content: CSV (text/csv), JSON lines
    (application/x-ndjson) or Parquet (application/vnd.apache.parquet). Of its first rows as many
    as wanted are published as a sample.
    """
    data_set_id = call.id("dst")
    content = await _received(request, call, sample_rows)
    command = make(
        c.RegisterDataSet,
        id=data_set_id,
        at_ms=call.at_ms,
        supplier_id=call.party_id,
        title=title,
        content=content,
    )
    return await call.send(command, t.DataSetRow, data_set_id)


@router.get("/data-sets/{data_set_id}")
async def data_set(data_set_id: str, call: Caller) -> t.DataSetRow:
    """A data set: its columns, size, hash and first rows."""
    return await call.read(t.DataSetRow, data_set_id)


@router.get(
    "/data-sets/{data_set_id}/sample",
    response_class=Response,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def sample(data_set_id: str, call: Caller) -> Response:
    """The first rows of a data set's newest content, as CSV, for everyone."""
    content = msgspec.convert((await call.read(t.DataSetRow, data_set_id)).content, Content)
    text = csv_text([column.name for column in content.columns], content.sample)
    return Response(text, media_type=CSV)


@router.post("/data-sets/{data_set_id}/revisions", response_model=t.DataSetRow)
async def revise(
    data_set_id: str,
    request: Request,
    call: Caller,
    sample_rows: SampleRows = SAMPLE_ROWS_MAX,
) -> Response:
    """Newer content of a data set. New trades get it; a grant sees it if its terms say so."""
    command_id = call.id("cmd")
    call.owns((await call.read(t.DataSetRow, data_set_id)).supplier_id)
    command = make(
        c.ReviseDataSet,
        id=command_id,
        at_ms=call.at_ms,
        data_set_id=data_set_id,
        supplier_id=call.party_id,
        content=await _received(request, call, sample_rows),
    )
    return await call.send(command, t.DataSetRow, data_set_id)


@router.get("/data-sets/{data_set_id}/revisions")
async def revisions(
    data_set_id: str, call: Caller, limit: Limit = 100, after: After = -1
) -> Page[t.RevisionRow]:
    """What each revision of a data set holds, in the order they came."""
    await call.read(t.DataSetRow, data_set_id)
    of_it = col(t.RevisionRow.data_set_id) == data_set_id
    return await page(call, t.RevisionRow, limit, after, of_it)


@router.post("/listings", response_model=t.ListingRow)
async def draft(body: ListingBody, call: Caller) -> Response:
    """Draft a listing: which data, how it describes itself, what it costs, what it allows."""
    listing_id = call.id("lst")
    command = say_listing(
        c.DraftListing, body, id=listing_id, at_ms=call.at_ms, supplier_id=call.party_id
    )
    return await call.send(command, t.ListingRow, listing_id)


@router.get("/listings")
async def listings(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    mode: str | None = None,
    field: str | None = None,
    supplier_id: str | None = None,
    status: str | None = None,
    text: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    newest_first: Newest = False,
) -> Page[t.ListingRow]:
    """Listed ones for everyone; others for their supplier, the operator and the regulator. `text`
    is looked for in both titles.
    """
    conditions: list[Any] = []
    if not (call.sees_all or (supplier_id and _is_caller(call, supplier_id))):
        status = "listed"
    for column, value in (
        (t.ListingRow.mode, mode),
        (t.ListingRow.field, field),
        (t.ListingRow.supplier_id, supplier_id),
        (t.ListingRow.status, status),
    ):
        if value is not None:
            conditions.append(col(column) == value)
    if text is not None:
        titles = (t.ListingRow.title_zh, t.ListingRow.title_en)
        conditions.append(or_(*(col(title).icontains(text, autoescape=True) for title in titles)))
    return await page(call, t.ListingRow, limit, after, *conditions, newest_first=newest_first)


@router.get("/listing-counts")
async def counts(call: Caller) -> list[ListingCount]:
    """How many are listed just now, by mode and field; what there is none of is left out."""
    kinds = (t.ListingRow.mode, t.ListingRow.field)

    def ask(session: Session) -> list[ListingCount]:
        listed = col(t.ListingRow.status) == "listed"
        query: Any = select(*kinds, func.count()).where(listed).group_by(*kinds).order_by(*kinds)
        rows = session.exec(query).all()
        return [ListingCount(mode=mode, field=field, count=count) for mode, field, count in rows]

    found: list[ListingCount] = await call.work_out(ask)
    return found


@router.get("/listings/{listing_id}/quote")
async def quote(
    listing_id: str, call: Caller, quantity: Annotated[int, Query(ge=1, le=INTEGER_MAX)]
) -> Quote:
    """What a first use of so many units of a metered listing would cost now, with the buyer's
    fee.
    """
    offer = msgspec.convert((await listing(listing_id, call)).offer, Offer)
    if not isinstance(offer, MeteredOffer):
        raise Problem(422, Refusal.OFFER_WRONG_MODE, "Only a metered listing has a tariff.")
    terms = await call.exchange.terms()
    charge = price(offer.tariff, quantity)
    fee = bps_of(charge, terms.buyer_fee_bps) if terms else 0
    return Quote(
        quantity=quantity,
        unit=offer.tariff.unit,
        currency=offer.tariff.currency,
        charge_minor=charge,
        fee_minor=fee,
        total_minor=charge + fee,
    )


@router.get("/listings/{listing_id}")
async def listing(listing_id: str, call: Caller) -> t.ListingRow:
    """A listing as it stands. Drafts are shown to their supplier and to the oversight only."""
    row = await call.read(t.ListingRow, listing_id)
    if row.status in ("draft", "under_review"):
        call.owns(row.supplier_id)
    return row


@router.post("/listings/{listing_id}/amendment", response_model=t.ListingRow)
async def amend(listing_id: str, body: ListingBody, call: Caller) -> Response:
    """What the listing says from now on, all of it. It becomes a draft, to be submitted again."""
    command = say_listing(
        c.AmendListing,
        body,
        id=call.id("cmd"),
        at_ms=call.at_ms,
        listing_id=listing_id,
        supplier_id=call.party_id,
    )
    return await call.send(command, t.ListingRow, listing_id)


@router.post("/listings/{listing_id}/submission", response_model=t.ListingRow)
async def submit(listing_id: str, call: Caller) -> Response:
    """Hand a draft in for review."""
    return await _step(call, listing_id, c.SubmitListing, supplier_id=call.party_id)


@router.post("/listings/{listing_id}/review", response_model=t.ListingRow)
async def review(listing_id: str, body: ReviewBody, call: Caller) -> Response:
    """Approve a listing, which puts it on the market, or send it back with the reason."""
    fields = {"operator_id": call.party_id, **body.model_dump()}
    return await _step(call, listing_id, c.ReviewListing, **fields)


@router.post("/listings/{listing_id}/suspension", response_model=t.ListingRow)
async def suspend(listing_id: str, body: ReasonBody, call: Caller) -> Response:
    """Take a listing off the market for a while."""
    fields = {"operator_id": call.party_id, "reason": body.reason}
    return await _step(call, listing_id, c.SuspendListing, **fields)


@router.post("/listings/{listing_id}/resumption", response_model=t.ListingRow)
async def resume(listing_id: str, call: Caller) -> Response:
    """Put a suspended listing back on the market."""
    return await _step(call, listing_id, c.ResumeListing, operator_id=call.party_id)


@router.post("/listings/{listing_id}/withdrawal", response_model=t.ListingRow)
async def withdraw(listing_id: str, body: ReasonBody, call: Caller) -> Response:
    """Take a listing off the market for good."""
    fields = {"supplier_id": call.party_id, "reason": body.reason}
    return await _step(call, listing_id, c.WithdrawListing, **fields)


@router.post("/listings/{listing_id}/subscriptions", response_model=t.TradeRow)
async def subscribe(listing_id: str, body: SubscriptionBody, call: Caller) -> Response:
    """Metered use with a prepaid budget."""
    command = make(
        c.Subscribe,
        id=call.id("sub"),
        at_ms=call.at_ms,
        listing_id=listing_id,
        buyer_id=call.party_id,
        **body.model_dump(),
    )
    return await call.send(command, t.TradeRow, call.derived(command.id, "trd"))


@router.post("/listings/{listing_id}/auctions", response_model=t.AuctionView)
async def auction(listing_id: str, body: AuctionBody, call: Caller) -> Response:
    """Open an auction of a listing offered for auction."""
    auction_id = call.id("auc")
    command = open_auction(
        body, id=auction_id, at_ms=call.at_ms, listing_id=listing_id, supplier_id=call.party_id
    )
    return await send_of_auction(call, command, auction_id)


async def _step(call: Call, listing_id: str, kind: Any, **fields: Any) -> Response:
    command = make(kind, id=call.id("cmd"), at_ms=call.at_ms, listing_id=listing_id, **fields)
    return await call.send(command, t.ListingRow, listing_id)


async def _received(request: Request, call: Call, sample_rows: int) -> Content:
    """Return what the body holds, written to disk as it comes in and kept in the content store.
    Raises Problem when it is not taken.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        with call.exchange.content.incoming(media_type) as incoming:
            async for piece in request.stream():
                await run_in_threadpool(incoming.write, piece)
            return await run_in_threadpool(incoming.keep, sample_rows)
    except ContentTooLarge as error:
        raise Problem(413, "content_too_large", str(error), {"Connection": "close"}) from error
    except ContentError as error:
        raise Problem(422, "content_invalid", str(error)) from error


def _is_caller(call: Call, party_id: str) -> bool:
    return call.speaks and call.party_id == party_id
