"""Who this browser speaks for: a token in a cookie that no script can read, and forms that only
our own pages can send.
"""

import hashlib
import hmac
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "databourse_token"
LANGUAGE_COOKIE: Final = "databourse_language"
LASTS_S: Final = 8 * 3600


def token_of(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def remember(response: Response, request: Request, token: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, token, max_age=LASTS_S, httponly=True, samesite="strict", secure=secure, path="/"
    )


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def form_mark(token: str) -> str:
    """What a form carries so that it is known to come from a page of this session."""
    return hmac.new(token.encode(), b"databourse form", hashlib.sha256).hexdigest()[:32]


def is_ours(request: Request, mark: str) -> bool:
    """Whether a form was sent by one of our own pages, as browser and form both say."""
    origin = request.headers.get("origin")
    same = origin is None or origin == f"{request.url.scheme}://{request.headers.get('host', '')}"
    site = request.headers.get("sec-fetch-site", "same-origin")
    marked = hmac.compare_digest(mark.encode(), form_mark(token_of(request)).encode())
    return same and site in ("same-origin", "none") and marked
