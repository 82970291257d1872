"""Parties, as the operator and the regulator see them."""

from typing import Final

from starlette.responses import Response

from services.pages.page import Visit

ROWS: Final = 50


async def parties(visit: Visit) -> Response:
    found = await visit.api.get("/v1/parties", limit=ROWS, after=visit.asked("after"))
    return visit.show("parties.html", found=found)


async def party(visit: Visit) -> Response:
    path = f"/v1/parties/{visit.id('party_id')}"
    row = await visit.api.get(path)
    balances = await visit.api.get(f"{path}/balances")
    return visit.show("party.html", party=row, balances=balances)
