"""Requests for conditional access, step by step."""

from typing import Final

from starlette.responses import Response

from services.pages.page import Visit

ROWS: Final = 30


async def requests(visit: Visit) -> Response:
    return await visit.show_newest("/v1/access-requests", "requests.html", ROWS)


async def request(visit: Visit) -> Response:
    row = await visit.api.get(f"/v1/access-requests/{visit.id('access_id')}")
    listing = await visit.api.get(f"/v1/listings/{row['listing_id']}")
    return visit.show("request.html", request=row, listing=listing)
