"""Faust's Kafka driver and recovery of tables, put right for us: committed records only, offsets
that move on over transaction markers, and nothing read before the tables are there.

Of faust-streaming 0.15.3. Its own driver reads committed records under exactly_once alone, which
costs a transaction for each commit and each event's table change a message in it.
"""

from asyncio import Event
from collections.abc import Callable, Mapping
from typing import Any, Literal

import faust
from faust.tables import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

Places = Callable[[set[TP]], Mapping[TP, int]]


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

    def _set_active_tps(self, tps: set[TP]) -> set[TP]:
        """Keep all of a new assignment closed until it is resumed by name.

        The original has it open until the application has paused it, and opens what had filled a
        buffer when that is emptied: from either, records come before the tables do.
        """
        self._buffered_partitions.clear()
        self._paused_partitions.update(tps)
        return super()._set_active_tps(tps)

    async def perform_seek(self) -> None:
        """Nothing: the one time to seek is the end of a recovery, which does it itself. The
        original goes to what the group has committed, also while another flow is on its way.
        """

    async def seek_to(self, places: Mapping[TP, int]) -> None:
        """Go on from there. Raises TimeoutError."""
        await self._thread.seek_wait(places)
        self._committed_offset.update({tp: place or None for tp, place in places.items()})


class _Ended(Event):
    """That a recovery has ended, also when it had before anybody waited for it."""

    def __init__(self, recovery: Recovery) -> None:
        super().__init__()
        self._recovery = recovery

    async def wait(self) -> Literal[True]:
        while self._recovery.in_recovery:
            self.clear()
            await super().wait()
        return True


class TableRecovery(Recovery):
    _rebalance = 0

    @property
    def signal_recovery_end(self) -> Event:
        """The original's is cleared right after it was set."""
        if self._signal_recovery_end is None:
            self._signal_recovery_end = _Ended(self)
        return self._signal_recovery_end

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        self._rebalance = self.app.rebalancing_count
        await super().on_rebalance(*args, **kwargs)

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Go to where the tables stand, and only then let records come.

        The original lets them come before and while it seeks, and empties the buffers after: what
        came between is not read again. It also does so for an assignment that is already gone.
        """
        app: Any = self.app
        consumer = app.consumer
        consumer.stop_flow()
        app.flow_control.suspend()
        self._set_recovery_ended()
        if self._is_over(generation_id):
            return
        streams = {tp for tp in consumer.assignment() if not self._is_changelog_tp(tp)}
        await consumer.seek_to(app.places(streams))
        if self._is_over(generation_id):
            return
        consumer.resume_partitions(streams)
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()
        await app.on_rebalance_complete.send()

    def _is_over(self, generation_id: int) -> bool:
        """Whether the partitions are being shared out anew; then another recovery follows."""
        counts = self._rebalance, self._generation_id
        return counts != (self.app.rebalancing_count, generation_id)


class RecoveredTables(TableManager):
    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = TableRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class CommittedTransport(driver.Transport):
    Consumer = CommittedConsumer


class CommittedApp(faust.App):
    """`places` is asked once the tables are there: from where each partition is to be read."""

    places: Places

    def _new_transport(self) -> Any:
        return CommittedTransport(self.conf.broker_consumer, self)
