"""Faust's Kafka driver, put right for us: committed records only, offsets that move on over
transaction markers, and a place to go on from that the tables know.

Of faust-streaming 0.15.3. Its own driver reads committed records under exactly_once alone, which
costs a transaction for each commit and each event's table change a message in it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

Positions = Callable[[set[TP]], Mapping[TP, int]]


class CommittedThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        """The one place where the isolation level is chosen looks at whether we write in
        transactions.
        """
        consumer: Any = self.consumer
        writes, consumer.in_transaction = consumer.in_transaction, True
        try:
            return super()._create_worker_consumer(transport)
        finally:
            consumer.in_transaction = writes


class CommittedConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Note that nothing is to come from one offset up to, not including, another: markers.

        The original counts the record behind the gap as done before it is, stops committing there,
        and goes over all gaps each time.
        """
        committed = self._committed_offset[tp]
        begin = offset_from if committed is None else max(offset_from, committed)
        if begin < offset_to:
            self._gap[tp].addi(begin, offset_to)

    async def perform_seek(self) -> None:
        """Go to where the tables stand: what the group has committed may be ahead of them."""
        await super().perform_seek()
        app: Any = self.app
        for tp, offset in app.positions(self.assignment()).items():
            await self.seek(tp, offset)
            self._committed_offset[tp] = offset or None


class CommittedTransport(driver.Transport):
    Consumer = CommittedConsumer


class CommittedApp(faust.App):
    """`positions` tells, of the partitions we have, where each is to be read from."""

    positions: Positions

    def _new_transport(self) -> Any:
        return CommittedTransport(self.conf.broker_consumer, self)
