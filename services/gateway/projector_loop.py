"""The loop that keeps the read models behind the log.

Of several processes on one database one does; the others stand by and watch how far it has come.
"""

import asyncio
import logging
import threading
from typing import Final

from services.database import StoreError
from services.gateway.databases import READ_MODELS_MEND
from services.gateway.metrics import PROJECTED_RECORDS
from services.gateway.projector import Projector, projected
from services.stores.base import Database
from streams.faults import words
from streams.log import LogReader

PROJECT_RECORDS_MAX: Final = 2_000
FOLLOW_SECONDS: Final = 0.02  # between looks at a log that others write
AGAIN_SECONDS: Final = 1.0  # after a failure that may pass: a database that restarts

log = logging.getLogger("databourse")


class ProjectorLoop:
    """In a thread of its own; it closes the reader. `failure` is what keeps it from going on."""

    def __init__(self, database: Database, reader: LogReader) -> None:
        self.failure: BaseException | None = None
        self._database = database
        self._lease = database.lease("projector")
        self._reader = reader
        self._projector: Projector | None = None
        self._position = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._waiting: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    @property
    def position(self) -> int:
        """How far the read models have come, as last seen."""
        return self._position

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._lease.release()
        self._reader.close()

    def wake(self, size: int) -> None:
        self._wake.set()

    def catch_up(self) -> None:
        """Project all there is, or see how far it has been, and tell who waited for it. Raises
        StoreError.
        """
        with self._database.telling():
            if not self._lease.held():
                self._projector = None
                with self._database.engine.connect() as db:
                    self._reached(projected(db))
                return
            if self._projector is None:
                self._projector = Projector(self._lease.begin)
                self._reached(self._projector.position)
        if self._projector.position > self._reader.size:
            raise StoreError(f"the read models are ahead of the log; {READ_MODELS_MEND}")
        while stored := self._reader.read(self._projector.position, PROJECT_RECORDS_MAX):
            with self._database.telling():
                self._reached(self._projector.project(stored))

    async def reached(self, size: int, wait_s: float) -> bool:
        """Wait until the read models hold everything below `size`; False when that took too
        long.
        """
        reached = asyncio.Event()
        with self._turn:
            if self._position >= size:
                return True
            if self.failure is not None:
                return False
            self._waiting.append((size, asyncio.get_running_loop(), reached))
        try:
            await asyncio.wait_for(reached.wait(), wait_s)
        except TimeoutError:
            return False
        return True

    def _reached(self, position: int) -> None:
        PROJECTED_RECORDS.labels(self._reader.venue).set(position)
        with self._turn:
            self._position = position
            ready = [waiter for waiter in self._waiting if waiter[0] <= position]
            self._waiting = [waiter for waiter in self._waiting if waiter[0] > position]
        for _, loop, reached in ready:
            loop.call_soon_threadsafe(reached.set)

    def _run(self) -> None:
        pause = FOLLOW_SECONDS if self._database.shared else None
        while not self._stopping.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            try:
                self.catch_up()
                self.failure = None
            except Exception as error:  # the edge: readiness tells of it
                self.failure = error
                log.error("read models: they stand still: %s", words(error))
                if not self._database.shared:
                    return
                self._projector = None
                self._lease.release()
                self._stopping.wait(AGAIN_SECONDS)
