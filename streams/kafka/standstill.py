"""Whether a consumer still brings what there is."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka.errors import KafkaError

from streams.kafka.settings import CALL_SECONDS_MAX
from streams.log import LogError

# Longer than a commit may take, for which reading may have to wait.
STANDSTILL_SECONDS_MAX: Final = 2 * CALL_SECONDS_MAX


class Standstill:
    """Looks now and then at each source: where there was something to read, reading must have gone
    on. Whatever the client hangs on, its process is to end, and the next one has it not.
    """

    def __init__(
        self, consumer: Any, sources: Sequence[Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._consumer = consumer
        self._sources = sources
        self._clock = clock
        self._looked_at = clock()
        self._places: dict[Any, int] = {}
        self._ends: dict[Any, int] = {}

    async def check(self) -> None:
        """Cheap until it is time for a look. Raises LogError when nothing moves."""
        if self._clock() - self._looked_at < STANDSTILL_SECONDS_MAX:
            return
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                places = {source: await self._consumer.position(source) for source in self._sources}
                ends = await self._consumer.end_offsets(self._sources)
        except (KafkaError, TimeoutError):  # no broker, no end: asked again later
            places, ends = {}, {}
        for source, place in places.items():
            if place == self._places.get(source) and place < self._ends[source]:
                raise LogError(
                    f"{source.topic}/{source.partition} stands still at {place}, and ended at "
                    f"{self._ends[source]} {STANDSTILL_SECONDS_MAX:.0f} s ago"
                )
        self._places, self._ends = places, ends
        self._looked_at = self._clock()
