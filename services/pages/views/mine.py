"""What I may use, what it cost, and my money."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from services.pages.actions import read_form
from services.pages.api import Refused
from services.pages.forms import number
from services.pages.page import Visit
from services.pages.views.trades import stages
from services.pages.words import HERE

ROWS: Final = 30
USES: Final = 1_000  # the latest of a grant that the picture is made of


async def grants(visit: Visit) -> Response:
    return await visit.show_newest("/v1/grants", "grants.html", ROWS)


async def grant(visit: Visit) -> Response:
    path = f"/v1/grants/{visit.id('grant_id')}"
    row = await visit.api.get(path)
    listing = await visit.api.find(f"/v1/listings/{row['listing_id']}")
    usage = (await visit.api.get(f"{path}/usage", limit=USES))["items"]
    trade = await visit.api.get(f"/v1/trades/{row['trade_id']}")
    return visit.show(
        "grant.html",
        grant=row,
        listing=listing,
        usage=usage[::-1][:20],
        days=_by_day(usage),
        stages=stages(trade, row),
    )


async def credential(visit: Visit) -> Response:
    signed = await visit.api.text(f"/v1/grants/{visit.id('grant_id')}/credential")
    return Response(signed, media_type="application/vc+jwt")


async def content(visit: Visit) -> Response:
    """Deliver what a grant opens: all of it, or so many of its first rows."""
    form = await read_form(visit)
    said = {name: value for name, value in form.items() if isinstance(value, str)}
    body = {"limit": number(said, "rows", 1)} if said.get("rows") else {}
    path = f"/v1/grants/{visit.id('grant_id')}/deliveries"
    delivered = await visit.api.deliver(path, body, said.get("key", ""))
    kept = ("content-type", "content-disposition")
    headers = {name: delivered.headers[name] for name in kept if name in delivered.headers}
    headers.setdefault("content-disposition", f'attachment; filename="{visit.id("grant_id")}"')
    return Response(delivered.content, headers=headers)


async def money(visit: Visit) -> Response:
    if visit.me is None:
        raise Refused(401, "token_missing", "")
    path, after = f"/v1/parties/{visit.party_id}", visit.asked("after")
    balances = await visit.api.get(f"{path}/balances")
    statement = await visit.api.get(f"{path}/statement", limit=100, after=after)
    return visit.show("money.html", balances=balances, statement=statement)


def _by_day(usage: list[dict[str, Any]]) -> list[list[Any]]:
    """How much was used on each day, oldest first."""
    days: Counter[str] = Counter()
    for use in usage:
        if use["status"] == "recorded":
            day = datetime.fromtimestamp(use["at_ms"] / 1000, HERE).date()
            days[day.isoformat()] += use["quantity"]
    return [[day, count] for day, count in sorted(days.items())]
