"""The market as plain Faust agents: the same topics, records and rules, one worker per service.

What it guarantees: outputs are acknowledged by all replicas before the offset of their cause is
committed. With `defaults` and `tuned` that is at least once: after a crash, causes are taken
again and their effects are there twice. With `exactly-once`, the one of equal durability, outputs
and offsets go into transactions, one for each venue and commit interval, and only committed records
are read; it is still weaker, as a commit may cut between some outputs of a cause and its offset.
What it does not do, in its favour: keep or restore the state, which is in memory alone, seal what
was taken, or watch deadlines.
"""

import argparse
import sys
from typing import Any, Final

import faust
from aiokafka.producer import sender

from schemas.topics import INPUTS, OUTPUTS, PARTITION_OF_VENUE, Service
from services.tuning import expect_few_cycles
from streams.kafka.settings import NEXT_TRANSACTION_SECONDS
from streams.kafka.wire import from_wire, to_wire
from streams.recovery import RULES
from streams.scribe import Scribe
from streams.steps import decide

VENUES: Final = {number: venue for venue, number in PARTITION_OF_VENUE.items()}
TUNED: Final = {
    "producer_linger": 0.005,
    "producer_max_batch_size": 512 << 10,
    "broker_commit_interval": 0.25,
    "stream_wait_empty": False,
    "broker_max_poll_records": 1_000,
    "consumer_max_fetch_size": 4 << 20,
}
KINDS: Final[dict[str, dict[str, Any]]] = {
    "defaults": {},
    "tuned": TUNED,
    "exactly-once": {
        **TUNED,
        "processing_guarantee": "exactly_once",
        "broker_commit_interval": 0.1,  # what the next hop waits for before it sees anything
    },
}


def make_app(service: Service, address: str, kind: str) -> Any:
    """Return an app with an agent for each input topic; what is not named stays Faust's default."""
    app = faust.App(
        f"bench-{service}",
        broker=f"kafka://{address}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        **KINDS[kind],
    )
    topics = {
        name: app.topic(name, key_serializer="raw", value_serializer="raw", value_type=bytes)
        for name in sorted(INPUTS[service] | OUTPUTS[service])
    }
    rules = RULES[service]
    states = {number: rules.State() for number in VENUES}
    scribes = {number: Scribe(venue, {}) for number, venue in VENUES.items()}

    async def take(stream: Any) -> None:
        async for event in stream.events():
            at = event.message
            taken = from_wire(at.topic, at.partition, at.offset, event.value, at.headers)
            state, scribe = states[at.partition], scribes[at.partition]
            for made in decide(rules, state, scribe, taken.data, taken.id, taken.correlationid):
                value, headers = to_wire(made)
                await topics[made.topic].send(
                    value=value,
                    partition=at.partition,
                    timestamp=made.data.at_ms / 1000,
                    headers=headers,
                )

    for name in sorted(INPUTS[service]):
        app.agent(topics[name], name=f"{service}-{name}")(take)
    if kind == "exactly-once":
        sender.BACKOFF_OVERRIDE = NEXT_TRANSACTION_SECONDS
        _know_outputs(app)
    return app


def _know_outputs(app: Any) -> None:
    """Transactions know only topics that are consumed: what goes to others is sent outside of them,
    to any partition. To consume one's own outputs as well would mend it, at a price; this is free.
    """
    app.assignor.group_for_topic = lambda topic: 0
    app.consumer.key_partition = lambda topic, key, partition=None: partition


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", type=Service)
    parser.add_argument("address")
    parser.add_argument("--kind", choices=sorted(KINDS), default="tuned")
    options = parser.parse_args()
    expect_few_cycles()
    sys.argv = sys.argv[:1]
    app = make_app(options.service, options.address, options.kind)
    faust.Worker(app, loglevel="warning").execute_from_commandline()
