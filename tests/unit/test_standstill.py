"""A consumer that brings nothing more though there is something is found out."""

import asyncio
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.kafka.standstill import STANDSTILL_SECONDS_MAX, Standstill
from streams.log import LogError

BIDS = TopicPartition("bids", 0)


class Look(NamedTuple):
    place: int
    end: int


class Scripted:
    """Answers as told, look by look; no answer is a broker that is away."""

    def __init__(self, *looks: Look | None) -> None:
        self._looks = iter(looks)

    async def position(self, _: TopicPartition) -> int:
        look = next(self._looks)
        if look is None:
            raise KafkaConnectionError
        self._end = look.end
        return look.place

    async def end_offsets(self, sources: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(sources, self._end)


def watch(*looks: Look | None) -> None:
    clock = iter(n * STANDSTILL_SECONDS_MAX for n in range(10**6))
    standstill = Standstill(Scripted(*looks), [BIDS], lambda: next(clock))

    async def check() -> None:
        for _ in looks:
            await standstill.check()

    asyncio.run(check())


def test_reading_goes_on_however_far_behind_it_is() -> None:
    watch(Look(5, 900), Look(9, 990), Look(31, 999), Look(999, 999), Look(999, 999))


def test_records_that_nobody_reads_end_the_process() -> None:
    with pytest.raises(LogError, match="bids/0 stands still at 5, and ended at 9 30 s ago"):
        watch(Look(5, 9), Look(5, 12))


def test_a_broker_that_is_away_begins_anew() -> None:
    watch(Look(5, 9), None, Look(5, 12), Look(12, 12))


def test_nothing_is_asked_before_its_time() -> None:
    standstill = Standstill(Scripted(), [BIDS], lambda: 0.0)
    asyncio.run(standstill.check())
