"""The embedded log and Kafka: fed the same commands, one at a time, both write the same events."""

import asyncio

import pytest

from market.steps import TICK_GRACE_MS
from services.audit.replay import replay_log
from services.audit.verify import verify_log
from services.cluster.opening import ensure_topics
from services.gateway.following import Following
from streams import postgres
from streams.log import LogReader
from tests.builders.broker import Broker
from tests.builders.market import T0
from tests.builders.recorded import HOUR_MS, commands
from tests.builders.small_cluster import at_work, say, settings_of, settled
from tests.component.test_runner import run_in_groups
from tests.component.test_sequencer import events

pytestmark = pytest.mark.long
REST_SECONDS_MAX = 30.0
BIDS = 12


async def feed(broker: Broker, database: str) -> None:
    """Say each command when the one before has come to rest; then let the auctions end."""
    settings = settings_of(broker.address)
    now_ms = T0
    async with at_work(settings, database, lambda: now_ms) as trail:

        async def reached() -> int:
            return trail.size

        following = Following(trail, reached)
        for command in commands(BIDS):
            rest = following.expect(command.id, trail.size)
            await say(settings, [command])
            async with asyncio.timeout(REST_SECONDS_MAX):
                assert await rest
        now_ms = T0 + HOUR_MS + TICK_GRACE_MS
        await settled(settings, trail)


def test_fed_one_command_at_a_time_both_logs_hold_the_same_events(
    own_broker: Broker, database: str
) -> None:
    """Apart from where on a topic a record stands, and the seals."""
    postgres.create(database)
    asyncio.run(ensure_topics(settings_of(own_broker.address)))
    asyncio.run(feed(own_broker, database))
    trail: LogReader = postgres.PostgresReader(database)
    on_kafka = events(trail)
    assert replay_log(trail).findings == []
    verified = verify_log(trail, [], None)
    assert [f.problem for f in verified.findings if "no checkpoint" not in f.problem] == []
    trail.close()
    assert len(on_kafka) > 100
    assert on_kafka == events(run_in_groups(1, BIDS))
