"""The watch on Kafka: a Faust application that reads what matching and settlement have written and
writes the data index, statistics and alerts.

A Faust table holds what the watch remembers of each stream of a venue together with the offsets
that this goes up to; its changelog is the only thing a worker starts from. What is to be said is on
its topic before the table is written, so a word may be there twice, under one id, and none is lost.
"""

import asyncio
import logging
import weakref
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import faust
from faust.streams import _current_event
from faust.types import TP
from mode import CrashingSupervisor

from market.watch.facts import see
from market.watch.state import Found
from schemas.base import SchemaError
from schemas.topics import PARTITION_OF_VENUE, TOPIC_NAMED, WATCH_TABLES, Service
from services.watch.driver import CommittedApp, RecoveredTables
from services.watch.follower import STREAMS, Follower, Stream
from streams.kafka.settings import CALL_SECONDS_MAX, HEARTBEATS, KafkaSettings
from streams.kafka.topics import PARTITIONS
from streams.kafka.wire import to_wire
from streams.log import LogError
from streams.scribe import Scribe

GROUP: Final = "databourse.watch"
BATCH_EVENTS_MAX: Final = 1_000
BATCH_SECONDS_MAX: Final = 0.2
KEEP_SECONDS: Final = 1.0  # between two writes of a table, unless something was said
COMMIT_SECONDS: Final = 2.0
BUFFER_EVENTS_MAX: Final = 4 * BATCH_EVENTS_MAX
START_SECONDS_MAX: Final = 60.0
PRODUCER_LINGER_SECONDS: Final = 0.02
VENUE_OF_PARTITION: Final = {number: venue for venue, number in PARTITION_OF_VENUE.items()}
log = logging.getLogger("databourse")


class WatchWork:
    """Takes part until stopped. `prefix` stands before the name of the group and of each topic;
    `instance` names the worker for good.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        instance: str | None = None,
        prefix: str = "",
    ) -> None:
        self._prefix = prefix
        self._settings = settings
        self._followers: dict[tuple[str, int], Follower] = {}
        self._kept_at: dict[tuple[str, int], float] = defaultdict(float)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_ready = False
        # Faust must have a folder, though tables in memory put nothing into it.
        self._folder = TemporaryDirectory(prefix="databourse-watch-")
        self.app = _make_app(settings, Path(self._folder.name), instance, prefix)
        self.app.places = self._take_up
        self.app.on_partitions_revoked.connect(self._let_go)
        self.app.on_rebalance_complete.connect(self._ready)
        self._outputs = {
            name: self.app.topic(prefix + name, key_serializer="raw", value_serializer="raw")
            for name, topic in TOPIC_NAMED.items()
            if topic.writer is Service.WATCH
        }
        self._table = self.app.Table(
            "watch",
            partitions=PARTITIONS,
            key_type=bytes,
            value_type=bytes,
            changelog_topic=self.app.topic(
                prefix + WATCH_TABLES.name,
                compacting=True,
                partitions=PARTITIONS,
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
            ),
        )
        for stream in STREAMS:
            self._follow(stream)

    async def run(self) -> None:
        """Raises LogError when it has to be started again."""
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                self.app.finalize()
                await self.app.start()
            await self.app.wait(self._ended)
        except (TimeoutError, OSError) as error:
            raise LogError(f"{self._settings!r} cannot be joined: {error!r}") from error
        finally:
            if not self.app.crashed:
                await self.app.stop()
            self._folder.cleanup()
        if self.app.crashed:
            raise LogError(f"the watch stands still: {self.app.crash_reason!r}")

    def stop(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def faults(self) -> list[str]:
        return [] if self._is_ready else ["the watch has not got its partitions yet"]

    def _follow(self, stream: Stream) -> None:
        async def follow(events: Any) -> None:
            async for batch in events.take_events(BATCH_EVENTS_MAX, within=BATCH_SECONDS_MAX):
                by_partition = defaultdict(list)
                for event in batch:
                    by_partition[event.message.partition].append(event)
                for partition, some in by_partition.items():
                    await self._take(stream, partition, some)

        topic = self.app.topic(
            *(self._prefix + name for name in sorted(stream.topics)),
            key_serializer="raw",
            value_serializer="raw",
        )
        name = f"{self._prefix}{stream.name}"
        self.app.agent(topic, name=name, supervisor_strategy=CrashingSupervisor)(follow)

    async def _take(self, stream: Stream, partition: int, events: list[Any]) -> None:
        generation = self.app.consumer_generation_id
        events = [event for event in events if event.message.generation_id == generation]
        follower = self._followers.get((stream.name, partition))
        if not events or follower is None:
            return  # from before the partitions were shared out anew: they are read again
        said = [found for event in events for found in self._observe(follower, event.message)]
        if said:
            await asyncio.gather(*[await self._say(partition, found) for found in said])
        if self._followers.get((stream.name, partition)) is follower:
            self._keep(stream, partition, follower, events[-1], at_once=bool(said))

    def _observe(self, follower: Follower, message: Any) -> list[Found]:
        told = dict(message.headers or ())
        topic = message.topic.removeprefix(self._prefix)
        venue = VENUE_OF_PARTITION[message.partition]
        source = told.get("ce_source", b"").decode(errors="replace")
        try:
            if source != f"/venues/{venue}/{TOPIC_NAMED[topic].writer}":
                raise SchemaError(f"{source!r} may not write here")
            seen = see(
                TOPIC_NAMED[topic].writer,
                int(told["ce_sequence"]),
                told["ce_correlationid"].decode(),
                message.value,
            )
        except (SchemaError, LookupError, ValueError) as error:
            place = f"{message.topic}/{message.partition}/{message.offset}"
            log.warning("watch: %s is passed over: %s", place, error)
            return []
        return follower.take(topic, message.offset, seen)

    async def _say(self, partition: int, found: Found) -> Any:
        """Return what is done once the broker has it."""
        event, cause = found
        record = Scribe(VENUE_OF_PARTITION[partition], {}).write(
            event, cause.correlationid, cause.id
        )
        value, headers = to_wire(record)
        return await self._outputs[record.topic].send(
            value=value,
            partition=partition,
            timestamp=event.at_ms / 1000,
            headers=headers,
            force=True,
        )

    def _keep(
        self, stream: Stream, partition: int, follower: Follower, event: Any, *, at_once: bool
    ) -> None:
        """Write the table, which needs to know by which event: nobody else's partition."""
        now = asyncio.get_running_loop().time()
        if at_once or now - self._kept_at[stream.name, partition] >= KEEP_SECONDS:
            self._kept_at[stream.name, partition] = now
            token = _current_event.set(weakref.ref(event))
            try:
                self._table[_key(stream, partition)] = follower.keep()
            finally:
                _current_event.reset(token)

    def _take_up(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Follow these partitions from what the table knows of them; return from where."""
        self._followers = {
            (stream.name, partition): Follower(stream, self._table.get(_key(stream, partition)))
            for stream in STREAMS
            for partition in VENUE_OF_PARTITION
            if any(TP(self._prefix + name, partition) in assigned for name in stream.topics)
        }
        return {
            TP(self._prefix + name, partition): place
            for (_, partition), follower in self._followers.items()
            for name, place in follower.positions.items()
            if TP(self._prefix + name, partition) in assigned
        }

    async def _let_go(self, *_: Any, **__: Any) -> None:
        self._is_ready = False
        self._followers.clear()

    async def _ready(self, *_: Any, **__: Any) -> None:
        self._is_ready = True


def _key(stream: Stream, partition: int) -> bytes:
    return f"{VENUE_OF_PARTITION[partition]}/{stream.name}".encode()


def _make_app(
    settings: KafkaSettings, folder: Path, instance: str | None, prefix: str
) -> CommittedApp:
    client = settings.client()
    credentials: Any = None
    if settings.user:
        credentials = faust.SASLCredentials(
            username=settings.user,
            password=settings.password,
            mechanism=settings.mechanism,
            ssl_context=client.get("ssl_context"),
        )
    elif settings.tls:
        credentials = faust.SSLCredentials(client["ssl_context"])
    return CommittedApp(
        prefix + GROUP,
        broker=[f"kafka://{address}" for address in settings.bootstrap.split(",")],
        broker_credentials=credentials,
        consumer_group_instance_id=instance,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_ms / 1000,
        broker_heartbeat_interval=settings.session_ms / 1000 / HEARTBEATS,
        broker_request_timeout=CALL_SECONDS_MAX,
        broker_commit_interval=COMMIT_SECONDS,
        producer_linger=PRODUCER_LINGER_SECONDS,
        producer_max_request_size=WATCH_TABLES.message_bytes_max,
        stream_buffer_maxsize=BUFFER_EVENTS_MAX,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=PARTITIONS,
        store="memory://",
        table_standby_replicas=0,  # a take-over reads the table anew, and it is small
        TableManager=RecoveredTables,
        datadir=folder,
        web_enabled=False,
    )
