"""The HTTP application: routes, errors, and limits on what comes in."""

import re
import secrets
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.content import CONTENT_BYTES_MAX
from services.gateway.exchange import Exchange
from services.gateway.problems import (
    MEDIA_TYPE,
    STORAGE_FAULTS,
    Problem,
    on_http,
    on_invalid,
    on_problem,
    on_storage,
)
from services.gateway.routes import catalogue, deals, grants, money, parties, trail

BODY_BYTES_MAX: Final = 256 * 1024
_UPLOADS: Final = re.compile(r"/v1/data-sets(/[^/]+/revisions)?")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def create_app(exchange: Exchange) -> FastAPI:
    app = FastAPI(title="databourse", version="1", docs_url=None, redoc_url=None)
    app.state.exchange = exchange
    app.state.running = set()
    app.add_middleware(Guard)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    for fault in STORAGE_FAULTS:
        app.add_exception_handler(fault, on_storage)
    for module in (parties, money, catalogue, deals, grants, trail):
        app.include_router(module.router)
    return app


class Guard:
    """Refuses bodies over the limit before they are read; gives every answer a request id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Request-Id"] = request_id
            await send(message)

        refused = _refuse(scope)
        await (refused or self._app)(scope, receive, send_with_id)


def _refuse(scope: Scope) -> JSONResponse | None:
    limit = CONTENT_BYTES_MAX if _UPLOADS.fullmatch(scope["path"]) else BODY_BYTES_MAX
    length = Headers(scope=scope).get("content-length", "")
    if length.isdigit():
        if int(length) <= limit:
            return None
        return _problem(413, "body_too_large", f"At most {limit} bytes are taken here.")
    if scope["method"] in _WITH_BODY and "transfer-encoding" in Headers(scope=scope):
        return _problem(411, "length_required", "Send Content-Length with the body.")
    return None


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    title = code.replace("_", " ")
    body = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type=MEDIA_TYPE)
