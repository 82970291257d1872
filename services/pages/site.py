"""The pages in front of the HTTP interface: addresses that begin with a language are theirs, and
`/` for those who ask for a page.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.pages import session
from services.pages.actions import ACTIONS, act
from services.pages.api import Refused
from services.pages.page import HEADERS, Visit
from services.pages.views import POSTED, VIEWS
from services.pages.words import LANGUAGES, preferred

View = Callable[[Visit], Awaitable[Response]]
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}
_PREFIXES: Final = tuple(f"/{language}" for language in LANGUAGES)


class Pages:
    """An ASGI middleware. `picker` are names with their tokens, for a demo alone."""

    def __init__(self, app: ASGIApp, picker: Mapping[str, str]) -> None:
        self._app = app
        self._picker = picker
        self._site = Starlette(
            routes=[
                *(self._route(path, view) for path, view in VIEWS.items()),
                *(self._form(path) for path in ACTIONS),
            ],
            exception_handlers={HTTPException: self._on_http, Exception: self._on_crash},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith(tuple(f"{prefix}/" for prefix in _PREFIXES)):
            await self._site({**scope, "market": scope["app"]}, receive, send)
        elif (scope["path"] == "/" and _wants_page(scope)) or scope["path"] in _PREFIXES:
            await _to_home(Request(scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _route(self, path: str, view: View) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._visited(request, view)

        methods = ["GET", "POST"] if path in POSTED else ["GET"]
        return Route(f"/{{language}}/{path}", endpoint, methods=methods)

    def _form(self, path: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._visited(request, lambda visit: act(visit, path))

        return Route(f"/{{language}}/{path}", endpoint, methods=["POST"])

    async def _visited(self, request: Request, view: View) -> Response:
        visit = Visit(request, self._picker)
        try:
            await visit.know()
            return await view(visit)
        except Refused as refused:
            if refused.status == 401:
                return visit.go(f"sign-in?next={visit.request.url.path[3:]}")
            return visit.show("refused.html", refused.status, refused=refused)

    async def _on_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "invalid_request")
        refused = Refused(error.status_code, code, str(error.detail))
        visit = Visit(request, self._picker)
        return visit.show("refused.html", error.status_code, refused=refused)

    async def _on_crash(self, request: Request, error: Exception) -> Response:
        visit = Visit(request, self._picker)
        return visit.show("refused.html", 500, refused=Refused(500, "internal_error", ""))


def _wants_page(scope: Scope) -> bool:
    return "text/html" in Request(scope).headers.get("accept", "")


def _to_home(request: Request) -> Response:
    known = request.cookies.get(session.LANGUAGE_COOKIE, "")
    language = (
        known if known in LANGUAGES else preferred(request.headers.get("accept-language", ""))
    )
    return RedirectResponse(f"/{language}/", 302, HEADERS)
