"""What the clients of the cluster tell Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_PART: Final = ("service", "partition")
COMMIT_SECONDS: Final = Histogram(
    "databourse_commit_seconds",
    "Time of one commit: outputs, offsets and seal in one transaction",
    _PART,
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)
BATCH_RECORDS: Final = Histogram(
    "databourse_batch_records",
    "Inputs taken in one commit",
    _PART,
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
INPUTS: Final = Counter("databourse_inputs", "Inputs taken and committed", _PART)
EVENTS: Final = Counter("databourse_events", "Events decided and committed", _PART)
DEAD_LETTERS: Final = Counter("databourse_dead_letters", "Inputs that were not readable", _PART)
LAG: Final = Gauge(
    "databourse_lag_records", "Records behind the end of an input topic", (*_PART, "topic")
)
REBALANCES: Final = Counter(
    "databourse_rebalances", "Times the partitions were handed out anew", ("service",)
)
PARTITIONS: Final = Gauge(
    "databourse_partitions", "Partitions this process is responsible for", ("service",)
)
TAKEOVER_SECONDS: Final = Histogram(
    "databourse_takeover_seconds",
    "Time to take a partition up: fence, state, offsets",
    _PART,
    buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
