"""What stands before every route: who speaks, one call at a time under a key, limits."""

import asyncio
import re
import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.exchange import Exchange
from services.gateway.problems import Problem, answer
from services.gateway.strict_json import check_json
from services.gateway.tokens import Principal

BODY_BYTES_MAX: Final = 256 * 1024
BODY_SECONDS_MAX: Final = 10.0  # for a whole body; for each piece of an upload
URL_BYTES_MAX: Final = 4_096
KEY_LENGTH_MAX: Final = 200
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UPLOADS: Final = re.compile(r"/v1/data-sets(/[^/]+/revisions)?")  # these read their own body
KEY_PATTERN: Final = "[!-~]([ -~]*[!-~])?"


class Guard:
    """Around the application. `running` holds the calls under way, as (party, path, key)."""

    def __init__(
        self, app: ASGIApp, exchange: Exchange, running: set[tuple[str, str, str]]
    ) -> None:
        self._app = app
        self._exchange = exchange
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            _check_head(scope)
            speaks = self._principal(scope)
            scope.setdefault("state", {})["principal"] = speaks
            taken = await _body(scope, receive)
            await self._one_at_a_time(scope, taken, send_marked, speaks)
        except Problem as problem:
            await answer(problem, scope["path"])(scope, receive, send_marked)

    def _principal(self, scope: Scope) -> Principal | None:
        stated = Headers(scope=scope).get("authorization", "")
        if not stated:
            return None
        scheme, _, token = stated.partition(" ")
        found = self._exchange.tokens.principal(token.strip(), self._exchange.now_ms())
        if scheme.lower() != "bearer" or found is None:
            raise Problem(
                401,
                "token_invalid",
                "The token is unknown, expired or revoked; ask the operator for a new one.",
                {"WWW-Authenticate": "Bearer"},
            )
        return found

    async def _one_at_a_time(
        self, scope: Scope, receive: Receive, send: Send, speaks: Principal | None
    ) -> None:
        key = Headers(scope=scope).get("idempotency-key", "")
        if scope["method"] in SAFE or speaks is None or not key:
            await self._app(scope, receive, send)
            return
        if len(key) > KEY_LENGTH_MAX or not re.fullmatch(KEY_PATTERN, key):
            raise Problem(
                400,
                "idempotency_key_invalid",
                f"An Idempotency-Key is 1 to {KEY_LENGTH_MAX} visible ASCII characters.",
            )
        call = (speaks.party_id, scope["path"], key)
        if call in self._running:
            raise Problem(409, "still_running", "The same call is still being carried out; retry.")
        self._running.add(call)
        try:
            await self._app(scope, receive, send)
        finally:
            self._running.discard(call)


def is_upload(scope: Scope) -> bool:
    return scope["method"] == "POST" and _UPLOADS.fullmatch(scope["path"]) is not None


def _check_head(scope: Scope) -> None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URL_BYTES_MAX:
        raise Problem(414, "url_too_long", f"At most {URL_BYTES_MAX} bytes of address are taken.")
    length = Headers(scope=scope).get("content-length", "0")
    if not is_upload(scope) and length.isdigit() and int(length) > BODY_BYTES_MAX:
        raise _too_large()


async def _body(scope: Scope, receive: Receive) -> Receive:
    """Take the whole body in, checked, and return what plays it back; an upload's stays outside."""
    if is_upload(scope):
        return _timely(receive)
    if scope["method"] in SAFE:
        return receive
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Problem(400, "body_incomplete", "The connection ended within the body.")
                body += message.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    raise _too_large()
                if not message.get("more_body"):
                    break
    except TimeoutError as error:
        raise _too_slow() from error
    if body:
        _check_media_type(scope)
        check_json(bytes(body))
    return _played(bytes(body), receive)


def _played(body: bytes, receive: Receive) -> Receive:
    pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def play() -> Message:
        return pieces.pop() if pieces else await receive()

    return play


def _timely(receive: Receive) -> Receive:
    more = True

    async def take() -> Message:
        nonlocal more
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX if more else None):
                message = await receive()
        except TimeoutError as error:
            raise _too_slow() from error
        more = message.get("more_body", False)
        return message

    return take


def _check_media_type(scope: Scope) -> None:
    stated = Headers(scope=scope).get("content-type", "")
    if stated.partition(";")[0].strip().lower() != "application/json":
        raise Problem(
            415,
            "media_type_not_taken",
            "Send the body as application/json.",
            {"Accept": "application/json"},
        )


def _too_large() -> Problem:
    text = f"At most {BODY_BYTES_MAX} bytes are taken here."
    return Problem(413, "body_too_large", text, {"Connection": "close"})


def _too_slow() -> Problem:
    text = f"The body did not come within {BODY_SECONDS_MAX:g} seconds."
    return Problem(408, "body_too_slow", text, {"Connection": "close"})
