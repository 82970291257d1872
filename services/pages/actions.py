"""What a page's form does: the one table. A form goes to the address of the interface it stands
for, behind the language, and says there what its fields say.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData
from starlette.responses import Response

from services.pages.api import Refused
from services.pages.forms import Form, amount, moment, number, yes
from services.pages.page import Visit
from services.pages.session import is_ours

FIELDS_MAX: Final = 100
FILES_MAX: Final = 1
FORM_BYTES_MAX: Final = 64 * 1024
FILE_BYTES_MAX: Final = 10 * 1024 * 1024  # of a form with a file; larger ones go by the interface
FORM_SECONDS_MAX: Final = 60.0


class Action(NamedTuple):
    """`body` makes of a form what is sent; `back` is the page shown after it, named with the ids of
    the address and with what the answer holds.
    """

    body: Callable[[Form], Any]
    back: str


def _nothing(form: Form) -> None:
    return None


def _reason(form: Form) -> Any:
    return {"reason": form.get("reason", "")}


def _verdict(form: Form) -> Any:
    return {"approved": yes(form, "approved"), "reason": form.get("reason", "")}


def _bid(form: Form) -> Any:
    currency = form.get("currency", "")
    return {
        "currency": currency,
        "max_price_minor": amount(form, "amount", currency),
        "accepted_sha256": form.get("accepted_sha256", ""),
    }


def _wish(form: Form) -> Any:
    return {
        "purpose": form.get("purpose", ""),
        "accepted_sha256": form.get("accepted_sha256", ""),
    }


def _subscription(form: Form) -> Any:
    currency = form.get("currency", "")
    budget = amount(form, "amount", currency)
    return {**_wish(form), "currency": currency, "budget_minor": budget}


def _money(form: Form) -> Any:
    currency = form.get("currency", "")
    return {
        "currency": currency,
        "amount_minor": amount(form, "amount", currency),
        "reference": form.get("reference") or "page",
    }


def _english(form: Form) -> Any:
    """An English auction from now on, or from a time said, for so many minutes."""
    currency = form.get("currency", "")
    starts_at_ms = moment(form, "starts_at") if form.get("starts_at") else number(form, "now_ms", 0)
    minutes = number(form, "minutes", 60)
    soft_ms = number(form, "soft_seconds", 120) * 1000
    terms: dict[str, Any] = {
        "format": "english",
        "currency": currency,
        "starts_at_ms": starts_at_ms,
        "ends_at_ms": starts_at_ms + minutes * 60_000,
        "start_price_minor": amount(form, "start_price", currency),
        "increments": "ebay-2003",
    }
    if form.get("reserve_price"):
        terms["reserve_price_minor"] = amount(form, "reserve_price", currency)
    if soft_ms:
        terms["soft_close"] = {"window_ms": soft_ms, "extend_by_ms": soft_ms, "extensions_max": 10}
    return {"terms": terms}


_LISTING: Final = "listings/{listing_id}"
_ACCESS: Final = "access-requests/{access_id}"
_AUCTION: Final = "auctions/{auction_id}"
_GRANT: Final = "grants/{grant_id}"
ACTIONS: Final = {
    f"{_AUCTION}/bids": Action(_bid, _AUCTION),
    f"{_AUCTION}/withdrawal": Action(_reason, _AUCTION),
    f"{_AUCTION}/cancellation": Action(_reason, _AUCTION),
    f"{_LISTING}/access-requests": Action(_wish, "access-requests/{id}"),
    f"{_LISTING}/subscriptions": Action(_subscription, "grants/{grant_id}"),
    f"{_LISTING}/auctions": Action(_english, "auctions/{id}"),
    f"{_LISTING}/submission": Action(_nothing, _LISTING),
    f"{_LISTING}/review": Action(_verdict, "review"),
    f"{_LISTING}/suspension": Action(_reason, _LISTING),
    f"{_LISTING}/resumption": Action(_nothing, _LISTING),
    f"{_LISTING}/withdrawal": Action(_reason, _LISTING),
    f"{_ACCESS}/review": Action(_verdict, _ACCESS),
    f"{_ACCESS}/decision": Action(_verdict, _ACCESS),
    f"{_ACCESS}/subscription": Action(_nothing, _ACCESS),
    f"{_ACCESS}/withdrawal": Action(_reason, _ACCESS),
    f"{_GRANT}/top-ups": Action(_money, _GRANT),
    f"{_GRANT}/end": Action(_nothing, _GRANT),
    "parties/{party_id}/deposits": Action(_money, "parties/{party_id}"),
    "parties/{party_id}/approval": Action(_nothing, "parties/{party_id}"),
    "parties/{party_id}/suspension": Action(_reason, "parties/{party_id}"),
    "parties/{party_id}/resumption": Action(_nothing, "parties/{party_id}"),
}


async def act(visit: Visit, path: str) -> Response:
    """Send what a form says under the key of its page, and go on to where that shows."""
    form = await read_form(visit)
    action, ids = ACTIONS[path], visit.request.path_params
    body = action.body({name: value for name, value in form.items() if isinstance(value, str)})
    answer = await visit.api.post(f"/v1/{path.format(**ids)}", body, str(form.get("key", "")))
    return visit.go(action.back.format(**{**answer, **ids}))


async def read_form(visit: Visit, bytes_max: int = FORM_BYTES_MAX) -> FormData:
    """Raises Refused unless one of our own pages sent it, of a stated size and in time."""
    size = visit.request.headers.get("content-length", "")
    if not size.isdecimal() or int(size) > bytes_max:
        raise Refused(413, "body_too_large", f"At most {bytes_max:,} bytes are taken here.")
    try:
        async with asyncio.timeout(FORM_SECONDS_MAX):
            form = await visit.request.form(max_files=FILES_MAX, max_fields=FIELDS_MAX)
    except TimeoutError:
        raise Refused(408, "form_too_slow", f"{FORM_SECONDS_MAX:g} s") from None
    if not is_ours(visit.request, str(form.get("mark", ""))):
        raise Refused(403, "form_not_ours", "The form was not sent by a page of this session.")
    return form
