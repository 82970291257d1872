"""A worker of a deciding service as a process of its own, put together as a test wants it:

`python -m tests.builders.worker kafka://HOST:PORT SERVICE NAME [committer=NAME] [SETTING=N ...]`

A name that ends in `!` is no lasting one: the member leaves its group when it ends.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from schemas.envelope import Record
from schemas.events.trail import InputsTaken
from schemas.topics import Service
from services.clock import Clock
from services.cluster.shell import run
from streams.kafka.commit import Committer, Committing
from streams.kafka.recovery import Piece
from streams.kafka.settings import KafkaSettings
from streams.kafka.wire import to_wire
from streams.kafka.worker import Worker
from tests.builders.fleet import TELL, python

OFFSETS_EVERY_SECONDS: Final = 1.0
UNSEALED_SECONDS: Final = 0.1
# Before the transaction, in it with all its outputs sent, and before the very word that ends it.
STALLS: Final = {
    signal.SIGUSR1: "begin_transaction",
    signal.SIGUSR2: "send_offsets_to_transaction",
    signal.SIGALRM: "commit_transaction",
}


class LooseCommitter(Committer):
    """What is usual without transactions: outputs as they come, their seal after them, and now and
    then, by themselves, the offsets.
    """

    def __init__(self, settings: KafkaSettings, service: Service, partition: int) -> None:
        super().__init__(settings, service, partition)
        self._number = partition
        self._outputs = AIOKafkaProducer(**settings.client(), enable_idempotence=True)
        self._consumed: dict[str, int] = {}

    async def start(self) -> None:
        await super().start()
        await self._outputs.start()
        self._keeping = asyncio.create_task(self._keep_offsets())

    async def stop(self) -> None:
        self._keeping.cancel()
        if self._consumed:
            await super().commit((), self._consumed)
        await self._outputs.stop()
        await super().stop()

    async def commit(
        self,
        records: Iterable[Record],
        consumed: Mapping[str, int],
        snapshot: Iterable[Piece] = (),
        also: Iterable[str] = (),
    ) -> dict[str, int]:
        sent = []
        for record in records:
            if isinstance(record.data, InputsTaken):
                await asyncio.gather(*sent)
                await asyncio.sleep(UNSEALED_SECONDS)  # for a kill to fall between the two
            value, headers = to_wire(record)
            sent.append(
                await self._outputs.send(
                    record.topic,
                    value,
                    partition=self._number,
                    timestamp_ms=record.data.at_ms,
                    headers=headers,
                )
            )
        ends = {told.topic: told.offset + 1 for told in await asyncio.gather(*sent)}
        self._consumed.update(consumed)
        return ends

    async def _keep_offsets(self) -> None:
        while True:
            await asyncio.sleep(OFFSETS_EVERY_SECONDS)
            if self._consumed:
                await super().commit((), self._consumed)


class StallingProducer:
    """Stops its process before the next call of the kind that a signal has asked for."""

    def __init__(self, producer: Any, wanted: set[str]) -> None:
        self._producer = producer
        self._wanted = wanted

    def __getattr__(self, name: str) -> Any:
        if name in self._wanted:
            self._wanted.clear()  # of all partitions of this process: once is enough
            os.kill(os.getpid(), signal.SIGSTOP)
        return getattr(self._producer, name)


def stalling() -> Committing:
    wanted: set[str] = set()
    for number, call in STALLS.items():
        signal.signal(number, lambda *_, call=call: wanted.add(call))

    def make(settings: KafkaSettings, service: Service, partition: int) -> Committer:
        committer = Committer(settings, service, partition)
        committer._producer = StallingProducer(committer._producer, wanted)
        return committer

    return make


COMMITTERS: Final[dict[str, Committing]] = {"exact": Committer, "loose": LooseCommitter}


def committing(name: str) -> Committing:
    return stalling() if name == "stalling" else COMMITTERS[name]


def tell_what_it_waits_for(number: int, frame: object) -> None:
    for task in asyncio.all_tasks():
        sys.stderr.write(f"{task.get_name()} {' > '.join(_awaits(task.get_coro()))}\n")


def _awaits(awaited: Any) -> Iterator[str]:
    """Yield where a coroutine stands, and that which it awaits, and so on."""
    while frame := getattr(awaited, "cr_frame", getattr(awaited, "gi_frame", None)):
        yield f"{Path(frame.f_code.co_filename).stem}:{frame.f_lineno} {frame.f_code.co_name}"
        awaited = getattr(awaited, "cr_await", getattr(awaited, "gi_yieldfrom", None))


def main(log: str, service: str, name: str, *said: str) -> None:
    options = dict(option.split("=") for option in said)
    made = committing(options.pop("committer", "exact"))
    settings = KafkaSettings.parse(log, **{key: int(value) for key, value in options.items()})
    signal.signal(TELL, tell_what_it_waits_for)
    instance = None if name.endswith("!") else name
    run(name, lambda: Worker(settings, Service(service), Clock(), instance, made), None)


def command(log: str, name: str, **options: object) -> list[str]:
    """Return what starts a worker; its name begins with its service's."""
    said = [f"{key}={value}" for key, value in options.items()]
    return python("tests.builders.worker", log, name.partition("-")[0], name, *said)


if __name__ == "__main__":
    main(*sys.argv[1:])
