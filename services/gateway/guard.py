"""What stands before every route: who speaks, one call at a time under a key, limits."""

import asyncio
import re
import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.exchange import Exchange
from services.gateway.problems import (
    STORAGE_FAULTS,
    Problem,
    answer,
    storage_problem,
    token_missing,
)
from services.gateway.rate_limit import RateLimiter, address_key
from services.gateway.settings import EdgeSettings
from services.gateway.strict_json import plain_json
from services.gateway.tokens import Principal

BODY_BYTES_MAX: Final = 256 * 1024
HELD_BYTES_MAX: Final = 64 * 1024 * 1024  # of all bodies under way
URL_BYTES_MAX: Final = 4_096
HEAD_BYTES_MAX: Final = 32 * 1024  # all header fields together
KEY_LENGTH_MAX: Final = 200
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UPLOADS: Final = re.compile(r"/v1/data-sets(/[^/]+/revisions)?")  # these read their own body
KEY_PATTERN: Final = "[!-~]([ -~]*[!-~])?"


class Guard:
    """Around the application. `running` holds the calls under way, as (party, path, key)."""

    def __init__(
        self,
        app: ASGIApp,
        exchange: Exchange,
        running: set[tuple[str, str, str]],
        settings: EdgeSettings,
    ) -> None:
        self._app = app
        self._exchange = exchange
        self._running = running
        self._body_s = settings.body_s
        self._held = 0  # bytes of bodies that have not come to their end
        self._of_party = RateLimiter("party", settings.party)
        self._of_address = RateLimiter("address", settings.address)
        self._of_failed = RateLimiter("failed", settings.failed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        marks = {"Request-Id": secrets.token_hex(8), "X-Content-Type-Options": "nosniff"}

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(marks)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            _check_head(scope)
            speaks = await self._principal(scope, marks)
            if scope["method"] not in SAFE and speaks is None:  # before a byte of the body is read
                raise token_missing()
            scope.setdefault("state", {})["principal"] = speaks
            taken = await self._body(scope, receive)
            await self._one_at_a_time(scope, taken, send_marked, speaks)
        except Problem as problem:
            await answer(problem, scope["path"])(scope, receive, send_marked)

    async def _principal(self, scope: Scope, marks: dict[str, str]) -> Principal | None:
        """Return who speaks, having counted the call. Raises Problem 401, or 429 with `marks`."""
        now_ms = self._exchange.now_ms()
        address = caller_address(scope)
        stated = Headers(scope=scope).get("authorization", "")
        if not stated:
            _count(self._of_address, address, now_ms, marks)
            return None
        scheme, _, token = stated.partition(" ")
        try:
            found = await self._exchange.tokens.principal(token.strip(), now_ms)
        except STORAGE_FAULTS as error:
            raise storage_problem(scope["path"], error) from error
        if scheme.lower() != "bearer" or found is None:
            _count(self._of_failed, address, now_ms, marks)
            raise Problem(
                401,
                "token_invalid",
                "The token is unknown, expired or revoked; ask the operator for a new one.",
                {"WWW-Authenticate": "Bearer"},
            )
        _count(self._of_party, found.party_id, now_ms, marks)
        return found

    async def _one_at_a_time(
        self, scope: Scope, receive: Receive, send: Send, speaks: Principal | None
    ) -> None:
        key = Headers(scope=scope).get("idempotency-key")
        if scope["method"] in SAFE or speaks is None or key is None:
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

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        """Take the whole body in, checked, and return what plays it back; an upload's stays
        outside.
        """
        if is_upload(scope):
            return _timely(receive, self._body_s)
        if scope["method"] in SAFE:
            return receive
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_s):
                await self._collect(receive, body)
        except TimeoutError as error:
            raise _too_slow(self._body_s) from error
        finally:
            self._held -= len(body)
        if not body:
            return _played(b"", receive)
        _check_media_type(scope)
        return _played(plain_json(bytes(body)), receive)

    async def _collect(self, receive: Receive, body: bytearray) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Problem(400, "body_incomplete", "The connection ended within the body.")
            piece = message.get("body", b"")
            body += piece
            self._held += len(piece)
            if len(body) > BODY_BYTES_MAX:
                raise _too_large()
            if self._held > HELD_BYTES_MAX:
                text = "Too many bodies are under way; try again."
                raise Problem(503, "overloaded", text, {"Retry-After": "1", "Connection": "close"})
            more = message.get("more_body", False)


def caller_address(scope: Scope) -> str:
    client = scope.get("client")
    return address_key(client[0]) if client else "unknown"


def _count(limiter: RateLimiter, caller: str, now_ms: int, marks: dict[str, str]) -> None:
    standing = limiter.take(caller, now_ms)
    marks.update(standing.headers())
    if not standing.allowed:
        quota = standing.quota
        raise Problem(
            429,
            "too_many_calls",
            f"More than {quota.calls} calls in {quota.window_s} seconds; see `Retry-After`.",
        )


def is_upload(scope: Scope) -> bool:
    return scope["method"] == "POST" and _UPLOADS.fullmatch(scope["path"]) is not None


def _check_head(scope: Scope) -> None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URL_BYTES_MAX:
        raise Problem(414, "url_too_long", f"At most {URL_BYTES_MAX} bytes of address are taken.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES_MAX:
        raise Problem(431, "head_too_large", f"At most {HEAD_BYTES_MAX} bytes of head are taken.")
    length = Headers(scope=scope).get("content-length", "0")
    if not is_upload(scope) and length.isdigit() and int(length) > BODY_BYTES_MAX:
        raise _too_large()


def _played(body: bytes, receive: Receive) -> Receive:
    pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def play() -> Message:
        return pieces.pop() if pieces else await receive()

    return play


def _timely(receive: Receive, seconds: float) -> Receive:
    more = True

    async def take() -> Message:
        nonlocal more
        try:
            async with asyncio.timeout(seconds if more else None):
                message = await receive()
        except TimeoutError as error:
            raise _too_slow(seconds) from error
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
    return Problem(413, "body_too_large", f"At most {BODY_BYTES_MAX} bytes are taken here.")


def _too_slow(seconds: float) -> Problem:
    text = f"The body did not come within {seconds:g} seconds."
    return Problem(408, "body_too_slow", text, {"Connection": "close"})
