"""The HTTP interface as a page calls it: inside the process, as the party of this browser."""

from typing import Any, Final

import httpx2 as httpx
from starlette.requests import Request
from starlette.types import ASGIApp

WAIT: Final = "wait=5"


class Refused(Exception):
    """The market said no; `code` is the problem's name, such as `insufficient_funds`."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class Api:
    """Raises Refused for every answer that is a problem."""

    def __init__(self, app: ASGIApp, request: Request, token: str) -> None:
        where = request.client or ("127.0.0.1", 0)  # for the quota of those who say no name
        self._http = httpx.ASGITransport(app, client=(where[0], where[1]))
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def forget(self) -> None:
        """Speak for nobody from now on."""
        self._headers = {}

    async def get(self, path: str, **query: Any) -> Any:
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return (await self._send("GET", path, params=given)).json()

    async def text(self, path: str) -> str:
        return (await self._send("GET", path)).text

    async def find(self, path: str) -> Any:
        """Return what is there, or None."""
        try:
            return await self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def post(self, path: str, body: Any, key: str) -> Any:
        """Send a wish under its key and return what became of it."""
        headers = {"idempotency-key": key, "prefer": WAIT}
        response = await self._send("POST", path, json=body, headers=headers)
        return response.json() if response.content else {}

    async def upload(
        self, path: str, content: bytes, media_type: str, key: str, **query: str
    ) -> Any:
        headers = {"idempotency-key": key, "prefer": WAIT, "content-type": media_type}
        sent = await self._send("POST", path, params=query, content=content, headers=headers)
        return sent.json()

    async def deliver(self, path: str, body: Any, key: str) -> httpx.Response:
        """Ask for content, paid for once under this key."""
        return await self._send("POST", path, json=body, headers={"idempotency-key": key})

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        request = httpx.Request(method, f"http://market{path}", headers=headers, **more)
        response = await self._http.handle_async_request(request)
        await response.aread()
        if response.is_success:
            return response
        raise _refused(response)


def _refused(response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    code = str(problem.get("type", "error")).rpartition("/")[2].replace("-", "_")
    return Refused(response.status_code, code, str(problem.get("detail", response.reason_phrase)))
