"""A real Apache Kafka for tests: to be killed, paused and started again."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.local.daemon import LocalError
from services.local.java import find_java, kafka_jars
from services.local.kafka import Kafka
from tests.builders.fleet import tail
from tests.builders.needs import lacking


class Broker:
    """One node in a folder of its own; the address is the same after each start."""

    def __init__(self, folder: Path) -> None:
        need_kafka()
        folder.mkdir(parents=True, exist_ok=True)
        self.kafka = Kafka(folder)

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def address(self) -> str:
        return self.kafka.address()

    def start(self) -> None:
        self.kafka.start()

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self.kafka.daemon.kill()

    def restart(self) -> None:
        self.kill()
        self.start()

    def stop(self) -> None:
        self.kafka.stop()

    def told(self) -> str:
        """Return whether it lives, and the end of its log."""
        said = tail(self.kafka.folder / "logs" / "kafka.log")
        return f"--- broker: {self.kafka.daemon.running()}\n{said}"

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it keep its connections and answer nothing for a while."""
        assert self.kafka.daemon.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.kafka.daemon.send(signal.SIGCONT)


def start() -> str:
    """Return the folder of a started node."""
    folder = tempfile.mkdtemp(prefix="databourse-kafka-")
    Broker(Path(folder)).start()
    return folder


def end(folder: str) -> None:
    Broker(Path(folder)).stop()
    shutil.rmtree(folder)


def need_kafka() -> None:
    """Skip the test, or in CI fail it, where there is no Java or no Maven to get Kafka with."""
    try:
        find_java()
        kafka_jars(lambda _: None)
    except LocalError as error:
        lacking(str(error))
