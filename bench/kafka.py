"""The market on Kafka: bids settled per second against Faust agents with the same rules and hops,
and against a bare aiokafka loop with the same records and transactions; latency from bid to
outcome; memory. Each system has a broker and processes of its own, one system at a time.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.cluster import Field, Round, System
from bench.embedded import bids, opening
from bench.report import Row, arguments, show
from schemas.topics import DECIDERS, PARTITION_OF_VENUE

RATES: Final = (100, 500, 2_000)  # bids per second
LATENCY_SECONDS: Final = 8
WARMING_SECONDS: Final = 2  # of each run of latencies are not counted
LATENCY_BARS_MS: Final = {500: (50, 250)}
VENUES: Final = tuple(PARTITION_OF_VENUE)
TIMED: Final = 3  # rounds of a system on its broker, after one that warms it up


def ours() -> System:
    return System(
        "databourse",
        {
            service.value: (
                "-m",
                "services.cli",
                "service",
                service.value,
                "--log",
                "kafka://{address}",
            )
            for service in DECIDERS
        },
    )


def bare(bids: int) -> System:
    return System(
        "bare aiokafka loop",
        {
            service.value: ("-m", "bench.peers.bare", service.value, "{address}", f"--bids={bids}")
            for service in DECIDERS
        },
        has_rules=False,
    )


def agents(kind: str) -> System:
    return System(
        f"Faust agents, {kind}",
        {
            service.value: (
                "-m",
                "bench.peers.agents",
                service.value,
                "{address}",
                f"--kind={kind}",
            )
            for service in DECIDERS
        },
    )


class Found(NamedTuple):
    """What a system did on a broker."""

    rounds: list[Round]
    memory_mb: dict[str, float]


async def settle(system: System, venues: Sequence[str], count: int) -> Found:
    """Let a system settle rounds of so many bids in each venue, after one that warms it up."""
    start_ms = time.time_ns() // 1_000_000
    said = bids(count * (1 + TIMED), start_ms)
    with tempfile.TemporaryDirectory() as name:
        async with Field(Path(name), system, venues) as field:
            if system.has_rules:
                await field.say(opening(start_ms))
            starts = range(0, len(said), count)
            made = [await field.settle(said[first : first + count]) for first in starts]
            return Found(made[1:], field.memory_mb())


async def latencies(system: System) -> dict[int, list[float]]:
    """Return by rate the sorted times from bid to outcome, in milliseconds, in one venue."""
    start_ms = time.time_ns() // 1_000_000
    said = iter(bids((sum(RATES) + RATES[-1]) * LATENCY_SECONDS, start_ms))
    found: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        async with Field(Path(name), system, VENUES[:1]) as field:
            await field.say(opening(start_ms))
            await field.settle([next(said) for _ in range(RATES[-1] * LATENCY_SECONDS)])
            for rate in RATES:
                some = [next(said) for _ in range(rate * LATENCY_SECONDS)]
                took = await field.latencies_ms(some, rate)
                found[rate] = sorted(took[rate * WARMING_SECONDS :])
    return found


def settled(system: System, count: int, repeat: int, venues: int = 1) -> Found:
    """Repeat on a fresh broker each time; return all rounds and the last one's memory."""
    found = [asyncio.run(settle(system, VENUES[:venues], count)) for _ in range(repeat)]
    return Found([one for each in found for one in each.rounds], found[-1].memory_mb)


def rate_of(found: Found) -> float:
    return median(one.bids_per_second for one in found.rounds)


def cpu_rows(name: str, found: Found) -> list[Row]:
    return [
        Row(
            f"{name}: {part}, of the processor",
            median(o.cpu_us[part] for o in found.rounds),
            "us/bid",
        )
        for part in found.rounds[0].cpu_us
    ]


def main() -> None:
    options = arguments(__doc__ or "", bids=10_000, agent_bids=1_000, repeat=2)
    count, repeat = options.bids, options.repeat
    market = settled(ours(), count, repeat)
    limit = settled(bare(count * (1 + TIMED)), count, repeat)
    rate = rate_of(market)
    rows = [
        Row("settled, one partition", rate, "bids/s"),
        Row("bare aiokafka loop", rate_of(limit), "bids/s"),
        Row("bare aiokafka loop, against ours", rate_of(limit) / rate, "x", 2, True),
    ]
    for kind, bar in (("exactly-once", 4), ("tuned", None), ("defaults", None)):
        peer = rate_of(settled(agents(kind), options.agent_bids, repeat))
        rows += [
            Row(f"Faust agents, {kind}", peer, "bids/s"),
            Row(f"ours, against Faust agents, {kind}", rate / peer, "x", bar),
        ]
    for venues in (2, 4):
        more = settled(ours(), count // venues, repeat, venues)
        rows.append(Row(f"settled, {venues} partitions", rate_of(more), "bids/s"))
    rows += cpu_rows("ours", market) + cpu_rows("bare loop", limit)
    rows += [Row(f"memory: {name}", size, "MB") for name, size in market.memory_mb.items()]
    for each, took in asyncio.run(latencies(ours())).items():
        bars = LATENCY_BARS_MS.get(each, (None, None))
        for part, bar in zip((50, 99), bars, strict=True):
            value = took[len(took) * part // 100]
            rows.append(Row(f"bid to outcome at {each} bids/s, p{part}", value, "ms", bar, True))
    show("Kafka", rows, options.json)


if __name__ == "__main__":
    main()
