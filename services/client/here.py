"""The market of a data folder, opened in this process and called like any other."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
from starlette.types import ASGIApp

from schemas.parties import Role
from services.client.connection import Connection, Refused, new_key
from services.commands import UsageError
from services.commands.serve import open_process
from services.gateway.app import create_app

TOKEN_LASTS_MS = 3_600_000


class Here:
    """`operator` speaks as the venue's operator; `party` as any party, for this run only."""

    def __init__(self, http: httpx.Client, operator_token: str) -> None:
        self._http = http
        self.operator = Connection(http, operator_token)

    @contextmanager
    def party(self, party_id: str, role: Role) -> Iterator[Connection]:
        """Yield a connection of that party. Its token ends with it."""
        body = {"role": role.value, "lasts_ms": TOKEN_LASTS_MS}
        try:
            issued = self.operator.post(f"/v1/parties/{party_id}/tokens", body)
        except Refused as error:
            raise UsageError(f"{party_id} cannot act as {role.value}: {error}") from error
        try:
            yield Connection(self._http, issued["token"])
        finally:
            self.operator.send("DELETE", f"/v1/tokens/{issued['id']}", key=new_key())


@contextmanager
def open_here(folder: Path) -> Iterator[Here]:
    """Open a data folder as `serve` does; a new one is made. Raises UsageError when it is in
    use.
    """
    process = open_process(folder)
    try:
        with (
            asyncio.Runner() as runner,
            httpx.Client(
                transport=_InProcess(create_app(process.exchange), runner),
                base_url="http://in-process",
            ) as http,
        ):
            yield Here(http, process.first_tokens()[Role.OPERATOR])
    finally:
        process.stop()


class _InProcess(httpx.BaseTransport):
    """Hands each request to the application itself, without a socket."""

    def __init__(self, app: ASGIApp, runner: asyncio.Runner) -> None:
        self._transport = httpx.ASGITransport(app=app)
        self._runner = runner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._runner.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(
            httpx.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=request.content,
                extensions=request.extensions,
            )
        )
        content = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)
