"""The public events as they happen: read from the log once, for however many listen."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool

from schemas.envelope import decode_record
from services.gateway.problems import Problem
from services.gateway.sealed import public_view
from services.gateway.settings import EdgeSettings
from streams.log import LogError, LogReader

POLL_SECONDS: Final = 0.1
KEEP_ALIVE_SECONDS: Final = 15.0
RECORDS_MAX: Final = 500
RECENT_MAX: Final = 5_000  # events kept for those who listen; who is further behind reads the log
PUBLIC_TOPICS: Final = frozenset({"listings", "bids"})
Shown = tuple[int, str]


class Feed:
    """One reader at the end of the log while anybody listens."""

    def __init__(
        self, log: LogReader, settings: EdgeSettings, recent_max: int = RECENT_MAX
    ) -> None:
        self._log = log
        self._settings = settings
        self._listeners: Counter[str] = Counter()
        self._recent: deque[Shown] = deque(maxlen=recent_max)
        self._begin = self._end = 0  # the positions `recent` covers
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    def check_room(self, caller: str) -> None:
        """Raises Problem 429 when this caller listens often enough, 503 when too many listen."""
        if self._listeners[caller] >= self._settings.streams_per_caller:
            most = self._settings.streams_per_caller
            raise Problem(
                429, "too_many_streams", f"At most {most} streams at a time.", {"Retry-After": "5"}
            )
        if self._listeners.total() >= self._settings.streams:
            raise Problem(503, "too_many_listeners", "Try again later.", {"Retry-After": "30"})

    async def listen(self, caller: str, position: int) -> AsyncIterator[str]:
        """Yield the events from a position on, each as a server-sent event."""
        self.check_room(caller)
        self._listeners[caller] += 1
        try:
            yield f": from {position}\n\n"
            while True:
                await self._follow()
                news = self._news
                behind = position < self._begin
                if behind:
                    position, shown = await run_in_threadpool(read_public, self._log, position)
                else:
                    shown = self._since(position)
                    position = max(position, self._end)
                for _, text in shown:
                    yield text
                if not (behind or shown) and not await _happens(news):
                    yield ": still here\n\n"
        finally:
            self._listeners[caller] -= 1
            self._listeners += Counter()  # forgets those at zero

    def _since(self, position: int) -> list[Shown]:
        found = []
        for event in reversed(self._recent):
            if event[0] < position:
                break
            found.append(event)
        return found[::-1]

    async def _follow(self) -> None:
        """Begin to read at the end of the log, unless that is going on already."""
        if self._is_followed():
            return
        size = await run_in_threadpool(lambda: self._log.size)
        if self._is_followed():  # another listener has begun meanwhile
            return
        self._recent.clear()
        self._news = asyncio.Event()
        self._begin = self._end = size
        self._reader = asyncio.create_task(self._read_on())

    def _is_followed(self) -> bool:
        return self._reader is not None and not self._reader.done()

    async def _read_on(self) -> None:
        while self._listeners:
            try:
                end, shown = await run_in_threadpool(read_public, self._log, self._end)
            except LogError:
                end, shown = self._end, []  # readiness tells of it; listeners wait
            dropped = len(self._recent) + len(shown) > (self._recent.maxlen or 0)
            self._recent.extend(shown)
            if dropped:
                self._begin = self._recent[0][0]
            self._end = end
            if shown:
                news, self._news = self._news, asyncio.Event()
                news.set()
            else:
                await asyncio.sleep(POLL_SECONDS)


def read_public(log: LogReader, start: int) -> tuple[int, list[Shown]]:
    """Return the events from `start` on, and the position all before which has been read."""
    size = log.size
    if size <= start:
        return start, []
    stored = log.read(start, RECORDS_MAX, PUBLIC_TOPICS)
    shown = []
    for position, body in stored:
        view = public_view(decode_record(body).data)
        if view is not None:
            data = json.dumps(view, ensure_ascii=False)
            shown.append((position, f"id: {position}\nevent: {view['type']}\ndata: {data}\n\n"))
    read = stored[-1].position + 1 if stored else start
    return (read if len(stored) == RECORDS_MAX else max(read, size)), shown


async def _happens(news: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            return await news.wait()
    return False
