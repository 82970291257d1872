"""The watch on the embedded log, in a thread of its own behind the market."""

import logging
import threading
from typing import Final

from streams.faults import words
from streams.log import LogReader
from streams.runner import CascadeRunner, Stopped
from streams.watching import Watcher

TURN_SECONDS: Final = 0.5  # between two looks at the log: nobody waits for the watch
TURN_RECORDS_MAX: Final = 1_000  # after which the others get the interpreter

log = logging.getLogger("databourse")


class WatchLoop:
    """What it says is committed by the runner, together with how far it has read."""

    def __init__(self, reader: LogReader, runner: CascadeRunner) -> None:
        self.failure: BaseException | None = None
        self._reader = reader
        self._runner = runner
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            watcher = Watcher(self._reader)
            while not self._stop.wait(TURN_SECONDS):
                while watcher.position < self._reader.size and not self._stop.is_set():
                    reports = watcher.take(limit=TURN_RECORDS_MAX)
                    addition = watcher.addition(reports)
                    if addition is not None:
                        self._runner.add(addition).result()
        except Stopped:
            pass  # what was not committed is said after the next start
        except Exception as error:  # the edge: readiness tells of it, and the market goes on
            self.failure = error
            log.error("watch: it stands still: %s; restart once mended", words(error))
