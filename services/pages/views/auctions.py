"""Auctions: a list, and one with its price, its bids and what I may do."""

from typing import Any, Final

from starlette.responses import Response

from services.pages.page import Visit

ROWS: Final = 30
BIDS_SHOWN: Final = 30
STATUSES: Final = ("scheduled", "open", "sold", "unsold", "cancelled")
ASCENDING: Final = "english"


async def auctions(visit: Visit) -> Response:
    status, after = visit.asked("status"), visit.asked("after")
    found = await visit.api.get(
        "/v1/auctions", status=status, after=after, limit=ROWS, newest_first=True
    )
    return visit.show("auctions.html", found=found, status=status, statuses=STATUSES)


async def auction(visit: Visit) -> Response:
    shown = await _seen(visit)
    listing = await visit.api.get(f"/v1/listings/{shown['auction']['listing_id']}")
    return visit.show("auction.html", listing=listing, **shown)


async def panel(visit: Visit) -> Response:
    """The part of the page that moves."""
    return visit.show("auction-panel.html", **await _seen(visit))


async def _seen(visit: Visit) -> dict[str, Any]:
    path = f"/v1/auctions/{visit.id('auction_id')}"
    row = await visit.api.get(path)
    bids = await visit.api.get(f"{path}/bids")
    mine: list[Any] = []
    if visit.role == "buyer":
        asked = {"auction_id": row["id"], "newest_first": True, "limit": 10}
        mine = (await visit.api.get("/v1/bids", **asked))["items"]
    now_ms = (await visit.api.get("/v1/venue"))["now_ms"]
    return {
        "auction": row,
        "bids": bids[::-1][:BIDS_SHOWN],
        "path": [[bid["at_ms"], bid["price_minor"]] for bid in bids],
        "mine": mine,
        "standing": standing(row, mine),
        "now_ms": now_ms,
    }


def standing(row: dict[str, Any], mine: list[Any]) -> str:
    """How I stand, as my own bids say."""
    statuses = {bid["status"] for bid in mine}
    for status in ("won", "leading", "outbid", "lost"):
        if status in statuses:
            return status
    return "placed" if statuses - {"rejected"} else ""
