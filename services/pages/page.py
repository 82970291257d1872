"""One visit of a page: its language, who looks, and what they are shown."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from services.pages import session
from services.pages.api import Api, Refused
from services.pages.render import render

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Visit:
    """`picker` are the names a demo lets one speak for, each with its token."""

    def __init__(self, request: Request, picker: Mapping[str, str]) -> None:
        self.request = request
        self.language: str = request.scope["path"][1:3]
        self.token = session.token_of(request)
        self._market: ASGIApp = request.scope["market"]
        self.api = Api(self._market, request, self.token)
        self.picker = picker
        self.me: Any = None

    async def know(self) -> None:
        """Find out who looks. A token that holds no more is forgotten, not complained about."""
        if not self.token:
            return
        try:
            self.me = await self.api.get("/v1/me")
        except Refused as refused:
            if refused.status != 401:
                raise
            self.token = ""
            self.api.forget()

    async def speaks(self, token: str) -> bool:
        """Whether a token stands for a party just now."""
        try:
            await Api(self._market, self.request, token).get("/v1/me")
        except Refused:
            return False
        return True

    @property
    def role(self) -> str:
        return self.me["role"] if self.me else ""

    @property
    def party_id(self) -> str:
        return self.me["party"]["id"] if self.me else ""

    def asked(self, name: str) -> str:
        return self.request.query_params.get(name, "")[:200]

    def id(self, name: str) -> str:
        return str(self.request.path_params[name])

    def show(self, template: str, http_status: int = 200, **values: Any) -> Response:
        path, query = self.request.url.path, self.request.url.query
        shared = {
            "me": self.me,
            "role": self.role,
            "picker": self.picker,
            "here": path[3:] + (f"?{query}" if query else ""),  # behind the language
            "mark": session.form_mark(self.token),
            "key": token_hex(16),
        }
        text = render(self.language, template, {**shared, **values})
        answer = HTMLResponse(text, http_status, HEADERS)
        answer.set_cookie(session.LANGUAGE_COOKIE, self.language, samesite="lax", path="/")
        if not self.token and session.COOKIE in self.request.cookies:
            session.forget(answer)
        return answer

    async def show_newest(self, path: str, template: str, rows: int) -> Response:
        """Show a list of the interface, newest first, from where the page before it ended."""
        after = self.asked("after")
        found = await self.api.get(path, newest_first=True, limit=rows, after=after)
        return self.show(template, found=found)

    def go(self, path: str) -> Response:
        return RedirectResponse(f"/{self.language}/{path}", 303, HEADERS)
