"""Transactions of ours whose end is missing in a topic, so that nobody reads on there.

A broker that stood still loses its partitions' leadership for a moment, and to a partition without
leader the coordinator of Kafka 4.4.0 does not send the end of a transaction: it takes the topic for
deleted (`TransactionMarkerChannelManager`), and the transaction for ended. Any later end of the
same producer in that topic ends it too.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from market.steps import own_topics
from schemas.commands import TimePassed
from schemas.topics import SNAPSHOT_TOPICS, TOPIC_OF, Service
from streams.kafka.commit import Committer
from streams.kafka.inspection import hanging
from streams.kafka.recovery import Positions, recover
from streams.kafka.settings import KafkaSettings
from streams.log import LogBroken, LogError
from streams.steps import DEAD_LETTERS

HANGING_SECONDS: Final = 2.0  # as long as an end may be on its way
# A broker is left out by its controller only when it was silent for longer.
SILENCE_SECONDS: Final = 1.0
LOOK_AFTER_SECONDS: Final = (0.0, 5.0)  # after a silence
log = logging.getLogger("databourse")


def written(service: Service) -> list[str]:
    """Return the topics to which a service writes within transactions."""
    more = [SNAPSHOT_TOPICS[service].name, TOPIC_OF[DEAD_LETTERS[service]].name]
    if service is Service.SETTLEMENT:
        more.append(TOPIC_OF[TimePassed].name)
    return [*own_topics(service), *more]


async def end_former(
    settings: KafkaSettings, service: Service, venue: str, partition: int, committer: Committer
) -> None:
    """End what a former producer of this partition left open, now that it is fenced.

    If its own topics are whole without it, nobody has seen any of it: it is aborted, as the broker
    would have done, or its inputs are taken again. Otherwise a part of it is seen, so that it was
    committed, and it is committed where it is not. Raises LogError.
    """
    topics = await hanging(settings, partition, written(service), HANGING_SECONDS)
    if not topics:
        return
    try:
        await recover(settings, service, venue, partition)
    except LogBroken:
        log.warning("%s: %s: a former commit is ended in %s", service, venue, ", ".join(topics))
        await committer.commit((), {}, also=topics)
    else:
        log.warning("%s: %s: what was left open in %s is void", service, venue, ", ".join(topics))
        await committer.abort(topics)


class Endings:
    """Looks, after the broker was silent, whether a commit of this process has not ended somewhere,
    and ends it. Between commits nothing of ours is open; and what this process has done is
    committed, or it would be no more.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        service: Service,
        partition: int,
        committer: Committer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._service = service
        self._partition = partition
        self._committer = committer
        self._clock = clock
        self._answered: Any = None
        self._heard_at = clock()
        self._look_at: list[float] = []

    async def check(self, answered: Any, taken: Positions) -> None:
        """`answered` is another one after each answer of the broker, `taken` the next offset to
        take of each input. Raises CommitFailed.
        """
        self._hear(answered)
        if not self._look_at or self._clock() < self._look_at[0]:
            return
        try:
            topics = await hanging(
                self._settings, self._partition, written(self._service), HANGING_SECONDS
            )
        except LogError as error:  # no broker, no look: later again
            log.warning("%s: %s", self._service, error)
            self._look_at[0] = self._clock() + LOOK_AFTER_SECONDS[-1]
            return
        self._look_at.pop(0)
        if topics:
            log.warning("%s: a commit is ended again in %s", self._service, ", ".join(topics))
            await self._committer.commit((), taken, also=topics)

    def _hear(self, answered: Any) -> None:
        now = self._clock()
        if answered == self._answered:
            return
        if now - self._heard_at > SILENCE_SECONDS:
            self._look_at = [now + seconds for seconds in LOOK_AFTER_SECONDS]
        self._answered, self._heard_at = answered, now
