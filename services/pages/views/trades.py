"""Trades: the stages of a deal, who was paid, and how a data set goes round."""

from typing import Any, Final

from starlette.responses import Response

from schemas.money import format_minor
from services.pages.api import Refused
from services.pages.graph import Edge, Node, placed
from services.pages.page import Visit
from services.pages.render import cut

ROWS: Final = 30
TRACED: Final = 20  # trades in one picture
ENDED: Final = ("exhausted", "expired", "revoked", "closed")
_OF_ACCOUNT: Final = {"venue": "fees", "treasury": "treasury"}


async def trades(visit: Visit) -> Response:
    return await visit.show_newest("/v1/trades", "trades.html", ROWS)


async def trade(visit: Visit) -> Response:
    path = f"/v1/trades/{visit.id('trade_id')}"
    row = await visit.api.get(path)
    grant = await visit.api.find(f"/v1/grants/{row['grant_id']}")
    transfers = await visit.api.get(f"{path}/transfers")
    return visit.show(
        "trade.html",
        trade=row,
        grant=grant,
        listing=await visit.api.find(f"/v1/listings/{row['listing_id']}"),
        stages=stages(row, grant),
        transfers=[{**one, "legs": [_named(leg, row) for leg in one["legs"]]} for one in transfers],
        flow=flow(row, transfers),
    )


async def trace(visit: Visit) -> Response:
    """How a data set goes round: its listing, the newest trades, their grants and the use made of
    them; of others' trades only the oversight sees something.
    """
    listing = await visit.api.get(f"/v1/listings/{visit.id('listing_id')}")
    if not visit.me:
        raise Refused(401, "token_missing", "")
    asked = {"listing_id": listing["id"], "newest_first": True, "limit": TRACED}
    found = await visit.api.get("/v1/trades", **asked)
    grants = [await visit.api.find(f"/v1/grants/{row['grant_id']}") for row in found["items"]]
    return visit.show(
        "trace.html",
        listing=listing,
        picture=circulation(listing, found["items"], [grant for grant in grants if grant]),
        cut=found["next_after"] is not None,
        traced=TRACED,
    )


def circulation(listing: dict[str, Any], trades: list[Any], grants: list[Any]) -> dict[str, Any]:
    used = [grant for grant in grants if grant["used"]]
    columns = [
        [Node("data", "data_set", cut(listing["data_set_id"]))] if listing["data_set_id"] else [],
        [Node("listing", "listing", cut(listing["id"]), f"listings/{listing['id']}")],
        [Node(row["id"], "trade", cut(row["buyer_id"]), f"trades/{row['id']}") for row in trades],
        [Node(row["id"], "grant", cut(row["id"]), f"grants/{row['id']}") for row in grants],
        [Node(f"use/{row['id']}", "use", f"{row['used']:,}") for row in used],
    ]
    edges = [Edge("data", "listing")]
    for row in trades:
        price = format_minor(row["price_minor"], row["currency"]) if row["currency"] else ""
        edges.append(Edge("listing", row["id"], price))
    edges += [Edge(row["trade_id"], row["id"]) for row in grants]
    edges += [Edge(row["id"], f"use/{row['id']}", weight=row["used"]) for row in used]
    return placed(columns, edges)


def stages(trade: dict[str, Any], grant: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the six stages of a deal: whether each is done, and the id its records are about.

    Metered use is delivered and settled with each use, so those end with the grant.
    """
    goes_on = grant is not None and grant["tariff"] is not None and grant["status"] not in ENDED
    delivered = grant is not None and grant["used"] > 0
    about = trade["grant_id"]
    rows = (
        ("registration", grant["data_set_id"] if grant else "", True, False),
        ("listing", trade["listing_id"], True, False),
        ("trade", trade["id"], True, False),
        ("delivery", about, delivered and not goes_on, delivered),
        ("settlement", trade["id"], trade["settled"] and not goes_on, trade["settled"]),
        ("certificate", about, grant is not None, False),
    )
    return [
        {
            "code": code,
            "about": about,
            "state": "done" if done else "begun" if begun else "open",
        }
        for code, about, done, begun in rows
    ]


def flow(trade: dict[str, Any], transfers: list[Any]) -> dict[str, Any]:
    """Return the picture of who paid and who received."""
    paying: dict[str, Node] = {}
    receiving: dict[str, Node] = {}
    edges: list[Edge] = []
    for transfer in transfers:
        legs = [_named(leg, trade) for leg in transfer["legs"] if leg["amount_minor"]]
        payers = [leg for leg in legs if leg["amount_minor"] < 0]
        for leg in legs:
            sum_said = format_minor(abs(leg["amount_minor"]), transfer["currency"])
            side = paying if leg["amount_minor"] < 0 else receiving
            side[leg["account"]] = Node(leg["account"], leg["who"], sum_said)
            if side is receiving:
                edges.append(
                    Edge(payers[0]["account"], leg["account"], sum_said, leg["amount_minor"])
                )
    return placed([list(paying.values()), list(receiving.values())], edges)


def _named(leg: dict[str, Any], trade: dict[str, Any]) -> dict[str, Any]:
    """Say by a code whose account it is."""
    owner, _, kind = leg["account"].split("/")
    of_party = {trade["buyer_id"]: "buyer", trade["supplier_id"]: "supplier"}
    return {**leg, "who": of_party.get(owner) or _OF_ACCOUNT.get(owner, kind)}
