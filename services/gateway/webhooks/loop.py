"""The loop that follows the log, queues what webhooks ask for, and delivers it until it is taken.

Delivered at least once: a crash between a delivery and the note of it sends the same message, under
the same id, again.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from sqlmodel import Session

from schemas.envelope import decode_record
from services.gateway.projector import projected
from services.gateway.webhooks.kinds import TOPICS_TOLD, Notice, notices
from services.gateway.webhooks.post import TIMEOUT_SECONDS, PostError, post, signed_headers
from services.gateway.webhooks.store import Due, WebhookStore
from services.gateway.webhooks.target import Target, TargetError, parse_target, resolve
from services.stores.base import Database
from streams.faults import words
from streams.log import LogReader

POLL_SECONDS: Final = 0.2
STAND_BY_SECONDS: Final = 1.0  # between looks whether another process has let go
AGAIN_SECONDS: Final = 1.0  # after a failure that may pass: a database that restarts
RECORDS_MAX: Final = 500
SCANNED_MAX: Final = 20_000  # positions without a notice, after which the cursor is kept anyway
AT_ONCE_MAX: Final = 16  # deliveries under way, one for each webhook
DUE_MAX: Final = 1_000  # webhooks looked at in one turn
WAIT_MS: Final = 5_000  # before the second attempt; four times as long before each later one
WAIT_MS_MAX: Final = 8 * 3_600_000
JITTER: Final = 0.2  # so that what failed together does not come back together

Resolve = Callable[[Target, bool], Awaitable[str]]


class Pace(NamedTuple):
    """How patient the loop is with receivers."""

    timeout_s: float = TIMEOUT_SECONDS
    wait_ms: int = WAIT_MS


async def _resolve(target: Target, private: bool) -> str:
    return await resolve(target, private=private)


PATIENT: Final = Pace()
log = logging.getLogger("databourse")


class WebhookLoop:
    """In a thread of its own; `failure` is what ended it."""

    def __init__(
        self,
        store: WebhookStore,
        log: LogReader,
        reads: Database,
        now_ms: Callable[[], int],
        pace: Pace = PATIENT,
        resolve: Resolve = _resolve,
    ) -> None:
        self.failure: BaseException | None = None
        self._store = store
        self._log = log
        self._reads = reads
        self._lease = reads.lease("webhooks")
        self._now_ms = now_ms
        self._pace = pace
        self._resolve = resolve
        self._rng = random.Random(store.secret("jitter", 0))
        self._cursor = store.cursor()
        self._kept = self._cursor
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is under way is given up, and sent again after the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def collect(self) -> bool:
        """Queue what the next records tell; return whether there may be more."""
        first = self._store.begins_at()
        if first is None:
            return False
        start = max(self._cursor, first)
        with Session(self._reads.engine) as session:
            # Notices are made of read models, so never of what these do not hold yet.
            end = projected(session.connection())
            if end <= start:
                return False
            stored = [
                entry
                for entry in self._log.read(start, RECORDS_MAX, TOPICS_TOLD)
                if entry.position < end
            ]
            told: list[tuple[int, str, Notice]] = []
            for position, body in stored:
                message_id = f"msg_{self._log.venue}_{position}"
                event = decode_record(body).data
                told += [(position, message_id, notice) for notice in notices(session, event)]
        whole = len(stored) < RECORDS_MAX
        self._cursor = end if whole else stored[-1].position + 1
        if told or self._cursor - self._kept > SCANNED_MAX:
            self._store.queue(told, self._cursor, self._now_ms())
            self._kept = self._cursor
        return not whole

    async def deliver(self, due: Due) -> None:
        """Make one attempt, and note how it went."""
        answer, gone = "", False
        try:
            target = parse_target(due.target_url, private=self._store.private)
            async with asyncio.timeout(self._pace.timeout_s):
                address = await self._resolve(target, self._store.private)
            now_ms = self._now_ms()
            body = due.body.encode()
            secrets = self._store.secrets(due, now_ms)
            headers = signed_headers(due.message_id, now_ms // 1_000, body, secrets)
            status = await post(target, address, headers, body, self._pace.timeout_s)
            answer, gone = f"HTTP {status}", status == 410
            if 200 <= status < 300:
                self._store.delivered(due, answer)
                return
        except TimeoutError:
            answer = "the name was not resolved in time"
        except (TargetError, PostError) as error:
            answer = str(error)
        wait_ms = min(self._pace.wait_ms * 4**due.attempts, WAIT_MS_MAX)
        wait_ms = int(wait_ms * self._rng.uniform(1 - JITTER, 1 + JITTER))
        self._store.failed(due, answer, self._now_ms() + wait_ms, gone=gone)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._follow())
            except BaseException as error:  # the edge: readiness tells of it
                self.failure = error
                log.error("webhooks: none is sent any more: %s", words(error))
                if not self._reads.shared:
                    return
                self._stopping.wait(AGAIN_SECONDS)
            finally:
                self._lease.release()

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            if self._lease.held():
                await self._send()
            else:
                await asyncio.sleep(STAND_BY_SECONDS)

    async def _send(self) -> None:
        """Collect and deliver for as long as it is this process's turn."""
        self._cursor = self._kept = self._store.cursor()
        while not self._stopping.is_set() and self._lease.held():
            more = self.collect()
            self._launch()
            for webhook_id, task in list(self._busy.items()):
                if task.done():
                    del self._busy[webhook_id]
                    task.result()
            self.failure = None
            await asyncio.sleep(0 if more else POLL_SECONDS)
        for task in self._busy.values():
            task.cancel()
        self._busy.clear()

    def _launch(self) -> None:
        for due in self._store.due(self._now_ms(), DUE_MAX):
            if len(self._busy) >= AT_ONCE_MAX:
                return
            if due.webhook_id not in self._busy:
                self._busy[due.webhook_id] = asyncio.create_task(self.deliver(due))
