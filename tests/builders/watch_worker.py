"""A worker of the watch as a process of its own, on topics with a prefix:

python -m tests.builders.watch_worker kafka://HOST:PORT PREFIX NAME
"""

import sys

from services.cluster.shell import run
from services.watch.app import WatchWork
from streams.kafka.settings import KafkaSettings


def main(url: str, prefix: str, name: str) -> None:
    settings = KafkaSettings.parse(url)
    run("watch", lambda: WatchWork(settings, name, prefix), None)


if __name__ == "__main__":
    main(*sys.argv[1:])
