"""A process of a deciding service: a member of its group, responsible for the partitions it gets.

All input topics of a service have the same number of partitions and every member asks for all of
them, so the range assignor gives partition p of each to the same member; what comes otherwise is
refused.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from schemas.topics import INPUTS, Service
from streams.kafka import metrics
from streams.kafka.commit import Committer, Committing, group_of
from streams.kafka.partition import Partition
from streams.kafka.reader import closed
from streams.kafka.settings import (
    CALL_SECONDS_MAX,
    FETCH_BYTES_MAX,
    HEARTBEATS,
    POLL_MS_MAX,
    KafkaSettings,
)
from streams.log import LogError

ATTEND_SECONDS: Final = 1.0
IDLE_SESSIONS_MAX: Final = 10  # after which a process whose loop stands still is left out
_NO_PARTITION: Final = TopicPartition("", 0)
log = logging.getLogger("databourse")


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """`instance` names the member for good, so that it gets its partitions back after a restart
    without anybody else being disturbed.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        service: Service,
        now_ms: Callable[[], int],
        instance: str | None = None,
        committing: Committing = Committer,
    ) -> None:
        self.service = service
        self._settings = settings
        self._now_ms = now_ms
        self._committing = committing
        self._partitions: dict[int, Partition] = {}
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._consumer = AIOKafkaConsumer(
            **settings.client(),
            group_id=group_of(service),
            group_instance_id=instance,
            partition_assignment_strategy=(RangePartitionAssignor,),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # an offset that is not there any more is a fault
            session_timeout_ms=settings.session_ms,
            heartbeat_interval_ms=settings.session_ms // HEARTBEATS,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
            fetch_max_wait_ms=POLL_MS_MAX,
            max_poll_interval_ms=settings.session_ms * IDLE_SESSIONS_MAX,
        )

    async def run(self) -> None:
        """Take part until `stop`. Raises LogError or TimeoutError: then the process must end."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                self._consumer.subscribe(sorted(INPUTS[self.service]), listener=self)
                await self._consumer.start()
        except (KafkaError, TimeoutError) as error:
            raise LogError(f"{self._settings!r} cannot be joined: {error!r}") from error
        attending = asyncio.create_task(self._attend())
        attending.add_done_callback(
            lambda _: self._fail(LogError("the client does not take part in its group any more"))
        )
        try:
            await self._ended
        finally:
            attending.cancel()
        await self._let_go(list(self._partitions))
        await closed(self._consumer.stop())

    async def _attend(self) -> None:
        """Ask for nothing, again and again. The library takes a member that asks for no records
        for dead, and tells what is wrong with the group only to one that asks: a member that waits
        for partitions to come would be left out for good, unseen.
        """
        try:
            while True:
                await self._consumer.getmany(_NO_PARTITION)
                await asyncio.sleep(ATTEND_SECONDS)
        except Exception as error:  # the edge
            self._fail(error)

    def stop(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def faults(self) -> list[str]:
        """Return what keeps this process from its work, in words."""
        waiting = sorted(p.venue for p in self._partitions.values() if not p.ready)
        return [f"venue {venue} is being taken up" for venue in waiting]

    @property
    def venues(self) -> list[str]:
        return sorted(partition.venue for partition in self._partitions.values())

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """The library only logs what is raised here, so it is kept and ends the process."""
        try:
            await self._let_go({source.partition for source in revoked})
        except Exception as error:  # the edge
            self._fail(error)

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        try:
            metrics.REBALANCES.labels(self.service.value).inc()
            for number in sorted({source.partition for source in assigned}):
                self._take_up(number, {s.topic for s in assigned if s.partition == number})
            metrics.PARTITIONS.labels(self.service.value).set(len(self._partitions))
        except Exception as error:  # the edge
            self._fail(error)

    def _take_up(self, number: int, topics: set[str]) -> None:
        if topics != INPUTS[self.service]:
            raise LogError(
                f"partition {number} of {', '.join(sorted(topics))} came without that of the other "
                f"inputs of {self.service}: do all topics have as many partitions?"
            )
        assert number not in self._partitions, f"partition {number} is taken up already"
        partition = Partition(
            self._settings,
            self.service,
            number,
            self._consumer,
            self._now_ms,
            self._committing,
        )
        self._partitions[number] = partition
        partition.start(self._fail)

    async def _let_go(self, numbers: Collection[int]) -> None:
        leaving = [self._partitions.pop(number) for number in numbers if number in self._partitions]
        await asyncio.gather(*(partition.stop() for partition in leaving))
        metrics.PARTITIONS.labels(self.service.value).set(len(self._partitions))

    def _fail(self, error: BaseException) -> None:
        if not self._ended.done():
            log.error("%s: %s", self.service, error)
            self._ended.set_exception(error)
