"""Errors at the edge: RFC 9457 problem details, each saying what was wrong and what to do."""

import logging
from json import JSONDecodeError
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException

from schemas.reasons import Refusal
from streams.faults import DATABASE_FAULTS, words
from streams.log import LogError

# What a failing disk raises, by the library that meets it.
STORAGE_FAULTS: Final = (
    OSError,
    *DATABASE_FAULTS,
    DBAPIError,
    NoConnection,
    JSONDecodeError,
    LogError,
)
MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "/problems/"
FAULTS_TOLD_MAX: Final = 20
PLACE_CHARACTERS_MAX: Final = 200


class Problem(Exception):
    """`code` is the snake_case name a program goes by; `detail` is for people."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}


_STATUS_OF: Final = {
    Refusal.ID_REUSED: 422,
    Refusal.STALE: 409,
    Refusal.PARTY_UNKNOWN: 404,
    Refusal.DATA_SET_UNKNOWN: 404,
    Refusal.LISTING_UNKNOWN: 404,
    Refusal.ACCESS_UNKNOWN: 404,
    Refusal.CALENDAR_INVALID: 422,
    Refusal.GRANT_UNKNOWN: 404,
    Refusal.PARTY_NOT_APPROVED: 403,
    Refusal.PARTY_SUSPENDED: 403,
    Refusal.ROLE_MISSING: 403,
    Refusal.NOT_OWNER: 403,
    Refusal.OWN_LISTING: 403,
    Refusal.CONTROLLED_BODY: 403,
    Refusal.OPERATOR_MAY_NOT_TRADE: 403,
    Refusal.POLICY_DENIES: 403,
    Refusal.INSUFFICIENT_FUNDS: 402,
    Refusal.PREPAID_EXHAUSTED: 402,
    Refusal.USAGE_LIMIT: 422,
}
_ADVICE: Final = {
    Refusal.STALE: "The command was stamped too long ago; send it again under a new key.",
    Refusal.PARTY_NOT_APPROVED: "The operator has to approve the party first.",
    Refusal.PARTY_NOT_VERIFIED: "The operator has to verify the party's identity first.",
    Refusal.PARTY_SUSPENDED: "The operator has suspended the party; what it holds goes on.",
    Refusal.CONTROLLER_INVALID: "A body cannot be controlled by itself, nor by one it controls.",
    Refusal.ROLE_MISSING: "The party was not approved in the role this needs.",
    Refusal.CURRENCY_NOT_ACCEPTED: "The venue does not keep accounts in this currency.",
    Refusal.CURRENCY_MISMATCH: "Use the currency of the listing.",
    Refusal.INSUFFICIENT_FUNDS: "The available balance does not cover it with fees; deposit first.",
    Refusal.NOTHING_PAID: "Nothing was paid for this grant, or it ended too long ago.",
    Refusal.REFUND_EXCEEDS_PAID: "At most what was paid and not given back yet can be refunded.",
    Refusal.DATA_SET_MISSING: "The draft has no data set yet; attach one before submitting it.",
    Refusal.CONTENT_UNCHANGED: "The newest revision has this very content already.",
    Refusal.LISTING_NOT_LISTED: "The listing is not open for trade now.",
    Refusal.TERMS_NOT_ACCEPTED: "Send the SHA-256 of the listing's acceptance text along.",
    Refusal.REVISION_UNKNOWN: "Name a revision of the data set newer than the one granted.",
    Refusal.ACCESS_UNKNOWN: "No access request of this id is open; it has ended or never was.",
    Refusal.ACCESS_WRONG_STAGE: "The request's stage does not allow this step.",
    Refusal.ACCESS_LIMIT: "Too many of your requests are open; wait for answers or withdraw some.",
    Refusal.CHALLENGE_TOO_LATE: "The time to challenge the quality is over.",
    Refusal.CALENDAR_INVALID: "Each day must exist, lie in the calendar's span and stand once.",
    Refusal.LISTING_WRONG_STATUS: "The listing's status does not allow this step.",
    Refusal.LISTING_HAS_BIDS: "After the first bid only the operator can cancel the auction.",
    Refusal.OFFER_WRONG_MODE: "The listing is not offered in this mode (free, metered, auction).",
    Refusal.OWN_LISTING: "A supplier may not buy its own data.",
    Refusal.CONTROLLED_BODY: "Bodies under one control may not trade with each other.",
    Refusal.AUCTION_NOT_OPEN: "No auction of this id is open; it has ended or never was.",
    Refusal.AUCTION_NOT_STARTED: "The auction has not started yet.",
    Refusal.AUCTION_TERMS_INVALID: "These terms contradict each other; see the format's rule.",
    Refusal.AUCTION_FULL: "The auction takes no more bidders.",
    Refusal.BID_BELOW_MINIMUM: "Bid at least the current price plus its increment; in a sealed"
    " auction the start price, in a Dutch one the price now.",
    Refusal.BID_DOES_NOT_FIT: "further_minor is for uniform auctions: never rising, and for no"
    " more licences than are sold.",
    Refusal.BID_NOT_ABOVE_OWN: "You lead already; a new maximum must be above your own.",
    Refusal.GRANT_SUSPENDED: "The grant is suspended; top up its budget or ask the operator.",
    Refusal.USAGE_LIMIT: "No more units than 2^53 - 1 can be counted on one grant.",
    Refusal.REASON_RESERVED: "Say it in other words: this reason stands for an empty budget.",
    Refusal.PREPAID_EXHAUSTED: "The prepaid budget does not cover this use; top it up.",
    Refusal.POLICY_DENIES: "The grant's policy does not allow this use.",
}


def refusal_problem(reason: str, detail: str = "") -> Problem:
    """Return the problem that tells a caller why the rules refused their command."""
    known = Refusal(reason) if reason in set(Refusal) else None
    status = _STATUS_OF.get(known, 409) if known else 409
    advice = _ADVICE.get(known, "") if known else ""
    text = advice or f"The market's rules refused this: {reason.replace('_', ' ')}."
    return Problem(status, reason, f"{text} {detail}".strip())


def token_missing() -> Problem:
    return Problem(
        401,
        "token_missing",
        "Send a bearer token: Authorization: Bearer dbt_...",
        {"WWW-Authenticate": "Bearer"},
    )


def key_reused() -> Problem:
    return Problem(
        422,
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request; take a new key.",
    )


def answer(problem: Problem, path: str) -> JSONResponse:
    body = {
        "type": f"{TYPE_BASE}{problem.code}",
        "title": problem.code.replace("_", " "),
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
    }
    return JSONResponse(body, problem.status, problem.headers, media_type=MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return answer(error, request.url.path)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    return answer(Problem(error.status_code, code, str(error.detail), headers), request.url.path)


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(map(str, fault['loc']))[:PLACE_CHARACTERS_MAX]}: {fault['msg']}"
        for fault in error.errors()
    ]
    more = len(faults) - FAULTS_TOLD_MAX
    told = faults[:FAULTS_TOLD_MAX] + ([f"and {more} more"] if more > 0 else [])
    return answer(Problem(422, "invalid_request", "; ".join(told)), request.url.path)


async def on_storage(request: Request, error: Exception) -> JSONResponse:
    return answer(storage_problem(request.url.path, error), request.url.path)


def storage_problem(path: str, error: Exception) -> Problem:
    """A disk or a database that fails: nothing was acknowledged, and the operator is told why."""
    logging.getLogger("databourse").error("%s: storage: %s", path, words(error))
    detail = "The market's storage failed; nothing was acknowledged. Send it again later."
    return Problem(503, "storage_unavailable", detail, {"Retry-After": "5"})


async def on_crash(request: Request, error: Exception) -> JSONResponse:
    """What should not happen: the operator's log has the details, the caller none of them."""
    detail = "This is a fault of the market; the request id names it in the operator's log."
    return answer(Problem(500, "internal_error", detail), request.url.path)
