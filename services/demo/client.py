"""A caller of the HTTP interface, as one party."""

from typing import Any, Final

import httpx2 as httpx

TIMEOUT_SECONDS: Final = 10.0


class Refused(Exception):
    """The market said no; `code` is the problem's name."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class Client:
    """Sends each wish under a key of its own and waits for what becomes of it."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, **query: Any) -> Any:
        response = await self._http.get(path, params=query, headers=self._headers)
        return _json(response)

    async def post(self, path: str, key: str, body: Any = None) -> Any:
        headers = {**self._headers, "Idempotency-Key": key, "Prefer": "wait=5"}
        response = await self._http.post(path, json=body, headers=headers)
        return _json(response)

    async def upload(self, title: str, key: str, content: bytes, media_type: str) -> Any:
        headers = {**self._headers, "Idempotency-Key": key, "Prefer": "wait=5"}
        response = await self._http.post(
            "/v1/data-sets",
            params={"title": title},
            content=content,
            headers={**headers, "Content-Type": media_type},
        )
        return _json(response)

    async def deliver(self, grant_id: str, key: str, body: dict[str, Any]) -> bytes:
        headers = {**self._headers, "Idempotency-Key": key}
        path = f"/v1/grants/{grant_id}/deliveries"
        response = await self._http.post(path, json=body, headers=headers)
        return response.content if response.is_success else bytes(_json(response))


def _json(response: httpx.Response) -> Any:
    body = response.json()
    if response.is_success:
        return body
    raise Refused(body.get("title", "error").replace(" ", "_"), body.get("detail", response.text))
