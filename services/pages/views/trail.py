"""The audit trail: its signed head, its entries, and proofs that the browser checks itself."""

import json
from typing import Any, Final

from starlette.responses import Response

from services.pages.api import Refused
from services.pages.page import Visit

SHOWN: Final = 20


async def head(visit: Visit) -> Response:
    signed = await visit.api.get("/v1/audit/head")
    position = visit.asked("position")
    if position.isdecimal():
        return visit.go(f"trail/{position}")
    last = signed["size"] - 1
    before = min(last, int(visit.asked("before") or last) if visit.asked("before").isdecimal() else last)
    entries = []
    if visit.role in ("regulator", "operator"):
        for at in range(before, max(-1, before - SHOWN), -1):
            entries.append(await visit.api.get(f"/v1/audit/entries/{at}"))
    return visit.show("trail.html", head=signed, entries=entries, before=before)


async def entry(visit: Visit) -> Response:
    position = visit.id("position")
    if not position.isdecimal():
        raise Refused(404, "not_found", position)
    found: dict[str, Any] = await visit.api.get(f"/v1/audit/entries/{int(position)}")
    record = "" if found["sealed"] else json.dumps(found["record"], ensure_ascii=False, indent=1)
    return visit.show("entry.html", entry=found, record=record)
