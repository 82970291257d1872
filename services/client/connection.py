"""One caller of the HTTP interface: a wish is sent under one key until it is answered."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2 as httpx

from services.commands import Exit, UsageError

TIMEOUT_SECONDS: Final = 30.0
UPLOAD_SECONDS_MAX: Final = 600.0  # content is checked through before it is answered
ATTEMPTS_MAX: Final = 6
FIRST_PAUSE_SECONDS: Final = 0.1
PAUSE_SECONDS_MAX: Final = 30.0
WAIT_SECONDS: Final = 10
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})


class Refused(UsageError):
    """The market said no. `code` is the problem's name, such as `insufficient_funds`."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}", Exit.FINDING)
        self.status = status
        self.code = code


class Connection:
    """Raises Refused for every answer that is a problem, UsageError when there is none at all."""

    def __init__(
        self, http: httpx.Client, token: str = "", first_pause_s: float = FIRST_PAUSE_SECONDS
    ) -> None:
        self.first_pause_s = first_pause_s
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> Any:
        return self.send("GET", path, query=query).json()

    def upload(
        self, path: str, content: bytes, media_type: str, *, key: str, **more: Any
    ) -> httpx.Response:
        """Send content; `more` as for `send`."""
        timeout = httpx.Timeout(TIMEOUT_SECONDS, read=UPLOAD_SECONDS_MAX)
        headers = {"Content-Type": media_type}
        return self.send(
            "POST", path, key=key, content=content, headers=headers, timeout=timeout, **more
        )

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Send a command and return what became of it."""
        response = self.send("POST", path, body=body, key=key or new_key(), wait=True)
        return response.json() if response.content else {}

    def send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        wait: bool = False,
        **more: Any,
    ) -> httpx.Response:
        """Return the answer. What may be sent twice without harm is sent again, a bounded number
        of times, when the market is not reached or too busy, or when the result that was to be
        waited for is not there yet. `more` goes to httpx as it is.
        """
        headers = {**self._headers, **more.pop("headers", {})}
        if key:
            headers["Idempotency-Key"] = key
        if wait:
            headers["Prefer"] = f"wait={WAIT_SECONDS}"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        safe = method == "GET" or bool(key)
        pause_s = self.first_pause_s
        for attempt in range(1, ATTEMPTS_MAX + 1):
            last = attempt == ATTEMPTS_MAX or not safe
            try:
                response = self._http.request(
                    method, path, params=given, json=body, headers=headers, **more
                )
            except httpx.InvalidURL as error:
                raise UsageError(f"{self._http.base_url} is not an address: {error}") from error
            except httpx.TransportError as error:
                if last:
                    raise _unreachable(self._http.base_url, error, key) from error
            else:
                if last or not _is_passing(response, wait=wait):
                    return checked(response)
                pause_s = max(pause_s, _retry_after_s(response))
            time.sleep(min(pause_s, PAUSE_SECONDS_MAX))
            pause_s *= 2
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        headers: dict[str, str] | None = None,
        silence_s: float = TIMEOUT_SECONDS,
    ) -> Iterator[httpx.Response]:
        """Yield an answer whose body comes bit by bit, in one attempt. Raises
        httpx.TransportError when it breaks off, or nothing comes for `silence_s`.
        """
        sent = {**self._headers, **(headers or {}), **({"Idempotency-Key": key} if key else {})}
        timeout = httpx.Timeout(TIMEOUT_SECONDS, read=silence_s)
        with self._http.stream(
            method, path, params=query, json=body, headers=sent, timeout=timeout
        ) as response:
            if response.is_error:
                response.read()
            yield checked(response)


def new_key() -> str:
    return f"cli-{secrets.token_hex(12)}"


def checked(response: httpx.Response) -> httpx.Response:
    """Raises Refused when the answer is a problem."""
    if not response.is_error:
        return response
    try:
        problem = response.json()
        code = str(problem["type"]).rpartition("/")[2]
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        code, detail = "http_error", f"{response.status_code} without an explanation"
    raise Refused(response.status_code, code, detail)


def _is_passing(response: httpx.Response, *, wait: bool) -> bool:
    """Whether the same request may be answered otherwise in a moment."""
    if response.status_code in _TRY_AGAIN:
        return True
    if response.status_code == httpx.codes.ACCEPTED:
        return wait
    return response.status_code == httpx.codes.CONFLICT and b"still_running" in response.content


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _unreachable(url: httpx.URL, error: Exception, key: str) -> UsageError:
    again = f"; to repeat this very wish, add --key {key}" if key else ""
    why = f"{type(error).__name__}: {error}"
    return UsageError(
        f"{url} is not reached ({why}); is the market running there?{again}", Exit.UNREACHABLE
    )
