"""What the gateway tells Prometheus. A label is never an id, nor what else callers choose."""

import time
from typing import Final

from prometheus_client import Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
ANSWERED_SECONDS: Final = Histogram(
    "databourse_http_answer_seconds",
    "Time until an answer began, by the route's template",
    ("method", "route", "status"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PROJECTED_RECORDS: Final = Gauge(
    "databourse_projected_records", "Records of the trail that the read models hold", ("venue",)
)


class Counting:
    """Around everything else, so that refusals count as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else OTHER
                template = getattr(scope.get("route"), "path", OTHER)
                ANSWERED_SECONDS.labels(method, template, message["status"]).observe(
                    time.perf_counter() - begin
                )
            await send(message)

        await self._app(scope, receive, send_counted)
