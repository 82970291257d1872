"""Auctions: a list, and one with its price, its bids and what I may do."""

from typing import Any, Final

from starlette.responses import Response

from schemas.money import bps_of
from services.pages.actions import read_form
from services.pages.forms import amount, number, plain
from services.pages.page import Visit

ROWS: Final = 30
BIDS_SHOWN: Final = 30
STATUSES: Final = ("scheduled", "open", "sold", "unsold", "cancelled")
ASCENDING: Final = "english"
SUGGESTED_ABOVE: Final = (0, 1, 4)  # increments above the least


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


async def confirmation(visit: Visit) -> Response:
    """What a bid costs at most, and the terms it accepts, before it is sent. It comes by POST, as
    an offer belongs in no address.
    """
    said = {name: str(value) for name, value in (await read_form(visit)).items()}
    row = await visit.api.get(f"/v1/auctions/{visit.id('auction_id')}")
    listing = await visit.api.get(f"/v1/listings/{row['listing_id']}")
    fee_bps = (await visit.api.get("/v1/venue"))["buyer_fee_bps"] or 0
    if said.get("suggested"):
        price_minor = number(said, "suggested", 0)
    else:
        price_minor = amount(said, "amount", row["currency"])
    return visit.show(
        "confirmation.html",
        auction=row,
        listing=listing,
        price_minor=price_minor,
        plain=plain(price_minor, row["currency"]),
        fee_minor=bps_of(price_minor, fee_bps),
        fee_percent=f"{fee_bps / 100:g}",
    )


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
        "suggested": suggested(row, mine),
        "now_ms": now_ms,
    }


def standing(row: dict[str, Any], mine: list[Any]) -> str:
    """How I stand, as my own bids say."""
    statuses = {bid["status"] for bid in mine}
    for status in ("won", "leading", "outbid", "lost"):
        if status in statuses:
            return status
    return "placed" if statuses - {"rejected"} else ""


def suggested(row: dict[str, Any], mine: list[Any]) -> list[int]:
    """Return next offers to choose from, in minor units: the least, and some increments above."""
    if row["clock_price_minor"] is not None:
        return [row["clock_price_minor"]]
    if row["format"] != ASCENDING:
        return []
    own = (bid["max_price_minor"] for bid in mine if bid["status"] == "leading")
    price = max(row["price_minor"], *own, 0)
    steps = row["terms"]["increments"]
    step = next(
        step["increment_minor"]
        for step in steps
        if step["below_minor"] is None or price < step["below_minor"]
    )
    least = price + step if row["bid_count"] else row["start_price_minor"]
    return [least + step * more for more in SUGGESTED_ABOVE]
