"""When a command has come to rest: all it caused stands in the read models, and nothing of that
waits for a service any more.

Where services run apart nobody knows at once what a command will cause. But each message that a
service decides on stands in the trail, and then the seal of the commit that took it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool

from schemas.events.trail import TakenRange
from schemas.topics import INPUTS
from streams.faults import words
from streams.log import LogReader

POLL_SECONDS: Final = 0.01
RECORDS_MAX: Final = 500  # read at once: the seal is seldom far
log = logging.getLogger("databourse")
_INPUTS: Final = frozenset().union(*INPUTS.values())


class _Seal(msgspec.Struct, gc=False):
    ranges: tuple[TakenRange, ...] = ()


class _Place(msgspec.Struct, gc=False):
    """What of a record says whether it waits to be taken."""

    topic: str
    offset: int
    data: msgspec.Raw
    correlationid: str = ""


_PLACES: Final = msgspec.json.Decoder(_Place)
_SEALS: Final = msgspec.json.Decoder(_Seal)


class Quiet:
    """Takes the records of a trail in order. Pure."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[tuple[str, int]]] = {}
        self._root_of: dict[str, dict[int, str]] = defaultdict(dict)  # by topic and offset

    def expect(self, command_id: str) -> None:
        self._waiting.setdefault(command_id, set())

    def forget(self, command_id: str) -> None:
        for topic, offset in self._waiting.pop(command_id, ()):
            self._root_of[topic].pop(offset, None)

    def take(self, body: bytes) -> list[str]:
        """Return the expected commands that come to rest with this record."""
        place = _PLACES.decode(body)
        if place.topic.endswith(".inputs"):
            return self._seal(_SEALS.decode(place.data).ranges)
        if place.topic in _INPUTS and place.correlationid in self._waiting:
            self._waiting[place.correlationid].add((place.topic, place.offset))
            self._root_of[place.topic][place.offset] = place.correlationid
        return []

    def _seal(self, ranges: tuple[TakenRange, ...]) -> list[str]:
        touched: list[str] = []
        for taken in ranges:
            roots = self._root_of[taken.topic]
            for offset in [at for at in roots if taken.first <= at <= taken.last]:
                root = roots.pop(offset)
                self._waiting[root].discard((taken.topic, offset))
                touched.append(root)
        resting = [root for root in dict.fromkeys(touched) if not self._waiting[root]]
        for root in resting:
            self.forget(root)
        return resting


class Following:
    """Reads the trail behind the projector while anybody waits. Belongs to one event loop."""

    def __init__(self, log: LogReader, projected: Callable[[], Awaitable[int]]) -> None:
        self._log = log
        self._projected = projected
        self._quiet = Quiet()
        self._waiters: dict[str, list[asyncio.Future[bool]]] = defaultdict(list)
        self._position = 0
        self._task: asyncio.Task[None] | None = None

    def expect(self, command_id: str, position: int) -> asyncio.Future[bool]:
        """Return what becomes True when the command, which stands at or behind this position or is
        sent after this, has come to rest; False when that cannot be found out.
        """
        self._position = min(position, self._position) if self._waiters else position
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[command_id].append(waiter)
        self._quiet.expect(command_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        return waiter

    def forget(self, command_id: str) -> None:
        self._waiters.pop(command_id, None)
        self._quiet.forget(command_id)

    async def _follow(self) -> None:
        try:
            while self._waiters:
                end = await self._projected()
                while self._position < end:
                    await self._take(min(end - self._position, RECORDS_MAX))
                await asyncio.sleep(POLL_SECONDS)
        except Exception as error:  # the edge: those who wait are answered, the next begins anew
            log.error("following the trail: %s", words(error))
        finally:
            for command_id in list(self._waiters):
                self._answer(command_id, at_rest=False)

    async def _take(self, limit: int) -> None:
        start = self._position
        found = await run_in_threadpool(self._log.read, start, limit)
        if self._position != start:
            return  # somebody waits for what stands further back; to read a record again is right
        for stored in found:
            for command_id in self._quiet.take(stored.body):
                self._answer(command_id, at_rest=True)
            self._position = stored.position + 1

    def _answer(self, command_id: str, *, at_rest: bool) -> None:
        for waiter in self._waiters.pop(command_id, ()):
            if not waiter.done():
                waiter.set_result(at_rest)
        self._quiet.forget(command_id)
