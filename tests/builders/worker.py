"""A worker of a deciding service as a process of its own, put together as a test wants it:

`python -m tests.builders.worker kafka://HOST:PORT SERVICE INSTANCE [COMMITTER [SESSION_MS]]`
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from schemas.envelope import Record
from schemas.topics import Service
from services.clock import Clock
from services.cluster.shell import run
from streams.kafka.commit import Committer, Committing
from streams.kafka.recovery import Piece
from streams.kafka.settings import SESSION_MS, KafkaSettings
from streams.kafka.wire import to_wire
from streams.kafka.worker import Worker

OFFSETS_EVERY_SECONDS: Final = 1.0


class LooseCommitter(Committer):
    """What is usual without transactions: outputs as they come, and now and then, by themselves,
    the offsets.
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
        await self._outputs.stop()
        await super().stop()

    async def commit(
        self, records: Iterable[Record], consumed: Mapping[str, int], snapshot: Iterable[Piece] = ()
    ) -> dict[str, int]:
        sent = []
        for record in records:
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
    """Stops its process, once SIGUSR1 has come, before it makes the call of that name."""

    def __init__(self, producer: Any, call: str) -> None:
        self._producer = producer
        self._call = call
        self._stalls = False
        signal.signal(signal.SIGUSR1, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stalls = True

    def __getattr__(self, name: str) -> Any:
        if name == self._call and self._stalls:
            os.kill(os.getpid(), signal.SIGSTOP)
        return getattr(self._producer, name)


def stalling(call: str) -> Committing:
    def make(settings: KafkaSettings, service: Service, partition: int) -> Committer:
        committer = Committer(settings, service, partition)
        committer._producer = StallingProducer(committer._producer, call)
        return committer

    return make


def committing(name: str) -> Committing:
    return {"exact": Committer, "loose": LooseCommitter}.get(name) or stalling(name)


def main(log: str, service: str, instance: str, committer: str = "exact", *session: str) -> None:
    session_ms = int(session[0]) if session else SESSION_MS
    settings = KafkaSettings.parse(log, session_ms=session_ms)
    made = committing(committer)
    run(
        instance,
        lambda: Worker(settings, Service(service), Clock(), instance or None, made),
        None,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
