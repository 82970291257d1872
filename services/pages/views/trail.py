"""The audit trail: its signed head, its entries, and proofs that the browser checks itself."""

import json
from typing import Any, Final

from starlette.responses import Response

from services.pages.api import Refused
from services.pages.page import Visit

SHOWN: Final = 20


async def head(visit: Visit) -> Response:
    signed = await visit.api.get("/v1/audit/head")
    position, before = visit.asked("position"), visit.asked("before")
    if position.isdecimal():
        return visit.go(f"trail/{position}")
    last = signed["size"] - 1
    begin = min(last, int(before)) if before.isdecimal() else last
    sees = visit.role in ("regulator", "operator")
    shown = range(begin, max(-1, begin - SHOWN), -1) if sees else ()
    about, kind = visit.asked("about").strip(), visit.asked("kind").strip()
    found, entries = None, []
    if sees and (about or kind):
        asked = {"about": about, "kind": kind, "before": before, "limit": SHOWN}
        found = await visit.api.get("/v1/audit/entries", **asked)
    else:
        entries = [await visit.api.get(f"/v1/audit/entries/{at}") for at in shown]
    return visit.show(
        "trail.html",
        head=signed,
        entries=entries,
        before=begin,
        about=about,
        kind=kind,
        found=found,
    )


async def entry(visit: Visit) -> Response:
    position = visit.id("position")
    if not position.isdecimal():
        raise Refused(404, "not_found", position)
    found: dict[str, Any] = await visit.api.get(f"/v1/audit/entries/{int(position)}")
    record = "" if found["sealed"] else json.dumps(found["record"], ensure_ascii=False, indent=1)
    return visit.show("entry.html", entry=found, record=record)
