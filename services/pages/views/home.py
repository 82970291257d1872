"""What the market is doing, on one screen; and who looks."""

from typing import Final

from starlette.responses import Response

from services.pages import session
from services.pages.actions import read_form
from services.pages.api import Refused
from services.pages.page import Visit

SHOWN: Final = 6
POINTS: Final = 400


async def home(visit: Visit) -> Response:
    get = visit.api.get
    return visit.show(
        "home.html",
        open_auctions=(await get("/v1/auctions", status="open", limit=SHOWN))["items"],
        sold=(await get("/v1/auctions", status="sold", newest_first=True, limit=SHOWN))["items"],
        listings=(await get("/v1/listings", newest_first=True, limit=SHOWN))["items"],
        points=await _composite(visit),
        head=await get("/v1/audit/head"),
    )


async def _composite(visit: Visit) -> list[list[float]]:
    """The composite index, oldest point first."""
    found = await visit.api.get("/v1/index", level="composite", newest_first=True, limit=POINTS)
    return [[point["end_ms"], point["value_e6"] / 1e6] for point in found["items"][::-1]]


async def sign_in(visit: Visit) -> Response:
    wrong = ""
    if visit.request.method == "POST":
        form = await read_form(visit)
        name = str(form.get("name", ""))
        token = visit.picker.get(name) or str(form.get("token", "")).strip()
        if await visit.speaks(token):
            answer = visit.go(_inside(str(form.get("next", ""))))
            session.remember(answer, visit.request, token)
            return answer
        wrong = "token_invalid"
    return visit.show("sign-in.html", 401 if wrong else 200, wrong=wrong, next=visit.asked("next"))


async def sign_out(visit: Visit) -> Response:
    if visit.request.method != "POST":
        raise Refused(405, "method_not_allowed", "")
    await read_form(visit)
    answer = visit.go("")
    session.forget(answer)
    return answer


def _inside(path: str) -> str:
    """A page of ours, whatever was asked for: never another host."""
    return path.lstrip("/") if path.startswith("/") and not path.startswith(("//", "/\\")) else ""
