"""The audit trail, the stream of public events, and the venue itself."""

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from market.merkle import ProofError
from market.sealing import is_sealed
from schemas.base import INTEGER_MAX
from schemas.envelope import Record, cloudevent_attributes, decode_record
from services.credentials.keys import public_pem
from services.gateway import tables as t
from services.gateway.calls import Caller
from services.gateway.feed import Feed
from services.gateway.guard import caller_address
from services.gateway.problems import Problem
from services.gateway.rows import look_up
from services.gateway.trail_search import Wanted, blocks

router = APIRouter(tags=["trail"])
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
Size = Annotated[int, Query(ge=1, le=INTEGER_MAX)]
Position = Annotated[int, Path(ge=0, le=INTEGER_MAX)]
About = Annotated[str, Query(pattern="^[A-Za-z0-9_-]{0,80}$")]
Kind = Annotated[str, Query(pattern="^[A-Za-z]{0,60}$")]
Before = Annotated[int | None, Query(ge=0, le=INTEGER_MAX)]
Found = Annotated[int, Query(ge=1, le=100)]


class FoundEntry(BaseModel):
    """`correlation_id` is the command that began what the record belongs to."""

    position: int
    topic: str
    type: str
    correlation_id: str
    at_ms: int


class FoundEntries(BaseModel):
    """`scanned` records were looked at; `next_before` is where to go on, None at the beginning of
    the trail.
    """

    items: list[FoundEntry]
    scanned: int
    next_before: int | None


@router.get("/v1/audit/head")
async def head(call: Caller) -> dict[str, Any]:
    """The newest signed checkpoint: size and root of the tree over all records."""
    size, root, note = await run_in_threadpool(call.exchange.audit.head)
    key = call.exchange.verifier_key
    return {"size": size, "root": root.hex(), "checkpoint": note.decode(), "verifier_key": key}


@router.get("/v1/audit/consistency")
async def consistency(call: Caller, old_size: Size, new_size: Size) -> dict[str, Any]:
    """The proof that the tree of one size is the beginning of that of another."""
    try:
        proof = await run_in_threadpool(call.exchange.audit.consistency, old_size, new_size)
    except ProofError as error:
        raise Problem(404, "no_such_tree", str(error)) from error
    return {"old_size": old_size, "new_size": new_size, "proof": [item.hex() for item in proof]}


@router.get("/v1/audit/entries")
async def entries(
    call: Caller, about: About = "", kind: Kind = "", before: Before = None, limit: Found = 20
) -> FoundEntries:
    """Published records, newest first, that name an id or are of one type: of a deal, a listing, a
    party, or of an event, such as matching-4, with what it caused. One call looks at 10,000 records
    at most. What is sealed is not looked into.
    """
    size = (await run_in_threadpool(call.exchange.audit.head))[0]
    begin = size if before is None else min(before, size)
    wanted, end = Wanted(about, kind), begin
    items: list[FoundEntry] = []
    async for begins_at, stored in iterate_in_threadpool(blocks(call.exchange.log, begin)):
        some = _unsealed(await run_in_threadpool(wanted.among, stored))
        items += await call.exchange.reads.ask(some)
        end = begins_at
        if len(items) >= limit:
            break
    if len(items) > limit:
        items = items[:limit]
        end = items[-1].position
    return FoundEntries(items=items, scanned=begin - end, next_before=end or None)


@router.get("/v1/audit/entries/{position}")
async def entry(position: Position, call: Caller) -> dict[str, Any]:
    """A record with its inclusion proof; of one that is still sealed only the leaf hash is
    shown.
    """
    try:
        found = await run_in_threadpool(call.exchange.audit.inclusion, position)
    except ProofError as error:
        raise Problem(
            404, "not_published", f"{error}; the newest checkpoint ends there."
        ) from error
    record = decode_record(found.body)
    sealed = await call.exchange.reads.ask(
        lambda db: is_sealed(record.data, lambda auction_id: _after(db, auction_id))
    )
    return {
        "position": position,
        "sealed": sealed,
        "attributes": None if sealed else cloudevent_attributes(record),
        "record": None if sealed else json.loads(found.body),
        "leaf_hash": found.leaf_hash.hex(),
        "tree_size": found.size,
        "root": found.root.hex(),
        "proof": [sibling.hex() for sibling in found.proof],
        "checkpoint": found.note.decode(),
    }


@router.get("/v1/stream", response_class=StreamingResponse, responses=_EVENTS)
async def stream(
    request: Request,
    call: Caller,
    last_event_id: Annotated[str, Header()] = "",
    after: Annotated[int | None, Query(ge=-1, le=INTEGER_MAX)] = None,
) -> StreamingResponse:
    """Public events as they happen (server-sent events); `id:` is the position to go on from."""
    feed: Feed = request.app.state.feed
    caller = call.party_id if call.speaks else caller_address(request.scope)
    feed.check_room(caller)
    known = last_event_id.isdecimal() and int(last_event_id) <= INTEGER_MAX
    resume = int(last_event_id) if known else after
    start = await call.exchange.log_size() if resume is None else resume + 1
    return StreamingResponse(feed.listen(caller, start), media_type="text/event-stream")


@router.get("/")
async def index(call: Caller) -> dict[str, Any]:
    """Where to look first."""
    public = ("/v1/listings", "/v1/auctions", "/v1/stream", "/v1/audit/head", "/v1/venue")
    return {
        "name": "databourse",
        "venue": call.exchange.venue,
        "see": [*public, "/docs", "/openapi.json"],
    }


@router.get("/v1/venue")
async def venue(call: Caller) -> dict[str, Any]:
    """The venue's name, the public keys to check its word with, and its fees in basis points of a
    price: the buyer's comes on top, the seller's is taken from it.
    """
    exchange = call.exchange
    terms = await exchange.terms()
    return {
        "venue": exchange.venue,
        "issuer": exchange.issuer,
        "checkpoint_key": exchange.verifier_key,
        "grant_key": public_pem(exchange.grant_keys.current.private.public_key()),
        "now_ms": call.at_ms,
        "buyer_fee_bps": terms.buyer_fee_bps if terms else None,
        "seller_fee_bps": terms.seller_fee_bps if terms else None,
    }


@router.get("/healthz")
async def healthz(call: Caller) -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(call: Caller) -> dict[str, str]:
    """Whether everything behind the edge works; 503 says what does not."""
    if faults := call.exchange.market.faults():
        raise Problem(503, "not_ready", "; ".join(faults))
    notices = call.exchange.market.notices()
    return {"status": "ready", "detail": "; ".join(notices)} if notices else {"status": "ready"}


def _unsealed(records: list[tuple[int, Record]]) -> Callable[[Connection], list[FoundEntry]]:
    """Ask for what may be told of; of a sealed record not even that it was found."""

    def ask(db: Connection) -> list[FoundEntry]:
        return [
            FoundEntry(
                position=position,
                topic=record.topic,
                type=type(record.data).__name__,
                correlation_id=record.correlationid,
                at_ms=record.data.at_ms,
            )
            for position, record in records
            if not is_sealed(record.data, lambda auction_id: _after(db, auction_id))
        ]

    return ask


def _after(db: Connection, auction_id: str) -> str | None:
    """What came after an auction, as the read models know by now."""
    row = look_up(db, t.AuctionRow, auction_id)
    return None if row is None or row["status"] == "open" else row["relisted_as"] or ""
