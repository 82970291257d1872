"""The data index, statistics, and what surveillance found."""

from typing import Final

from starlette.responses import Response

from services.pages.page import Visit

POINTS: Final = 400
ROWS: Final = 30
LEVELS: Final = ("composite", "field", "data_set")


async def market(visit: Visit) -> Response:
    get = visit.api.get
    level = visit.asked("level") or LEVELS[0]
    asked = {"level": level, "key": visit.asked("key"), "newest_first": True, "limit": POINTS}
    points = (await get("/v1/index", **asked))["items"][::-1]
    keys = sorted({point["key"] for point in points})
    chosen = visit.asked("key") or (keys[0] if keys else "")
    deals = (await get("/v1/statistics/deals", limit=ROWS))["items"][::-1]
    return visit.show(
        "market.html",
        level=level,
        levels=LEVELS,
        keys=keys,
        chosen=chosen,
        points=[[p["end_ms"], p["value_e6"] / 1e6] for p in points if p["key"] == chosen],
        deals=deals,
    )


async def alerts(visit: Visit) -> Response:
    found = await visit.api.get("/v1/alerts", limit=ROWS, after=visit.asked("after"))
    return visit.show("alerts.html", found=found)
