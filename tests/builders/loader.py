"""A gateway's part under fire: publishes wishes in order, notes each before it is sent and after it
is acknowledged, and sends again what it does not know of, after an error or its own death.

A process: `python -m tests.builders.loader kafka://HOST:PORT FOLDER`. Each line of its input says
how many wishes of each venue may have been said by then; it ends when the input ends.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from schemas.base import Command
from schemas.envelope import decode_message, encode
from schemas.topics import PARTITION_OF_VENUE
from services.clock import Clock
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.log import LogError
from tests.builders.wishes import wish

BATCH_MAX: Final = 40
LOST_CONTACT: Final = 75


class Journal:
    """`said` are the commands in order, `acknowledged` how many of them, from the first, are."""

    def __init__(self, folder: Path, venue: str) -> None:
        self._said = folder / f"{venue}.said"
        self._acknowledged = folder / f"{venue}.acknowledged"
        self.said = [_command(line) for line in _whole_lines(self._said)]
        told = _whole_lines(self._acknowledged)
        self.acknowledged = int(told[-1]) if told else 0

    def note(self, commands: Sequence[Command]) -> None:
        self.said += commands
        _append(self._said, b"".join(encode(command) + b"\n" for command in commands))

    def note_acknowledged(self, count: int) -> None:
        self.acknowledged += count
        _append(self._acknowledged, b"%d\n" % self.acknowledged)


def _whole_lines(path: Path) -> list[bytes]:
    """Return what was written whole, and let the rest be written over."""
    if not path.exists():
        return []
    whole, _, torn = path.read_bytes().rpartition(b"\n")
    os.truncate(path, path.stat().st_size - len(torn))
    return whole.splitlines()


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _command(line: bytes) -> Command:
    command = decode_message(line)
    assert isinstance(command, Command), "only commands are said"
    return command


class Loader:
    def __init__(self, log: str, folder: Path) -> None:
        self._journals = {venue: Journal(folder, venue) for venue in PARTITION_OF_VENUE}
        self._settings = KafkaSettings.parse(log)
        self._now_ms = Clock()
        self._allowed = 0
        self._told = asyncio.Event()
        self._ending = False

    async def run(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        async with asyncio.TaskGroup() as tasks:
            for venue in self._journals:
                tasks.create_task(self._say_all(venue))
            async for line in reader:
                self._tell(int(line))
            self._ending = True
            self._tell(self._allowed)

    def _tell(self, allowed: int) -> None:
        self._allowed = allowed
        self._told.set()
        self._told = asyncio.Event()

    async def _say_all(self, venue: str) -> None:
        journal = self._journals[venue]
        publisher = Publisher(self._settings, venue)
        await publisher.start()
        while True:
            waiting = journal.said[journal.acknowledged :]
            new = min(self._allowed - len(journal.said), BATCH_MAX - len(waiting))
            if new > 0:
                first, now_ms = len(journal.said), self._now_ms()
                journal.note([wish(venue, first + n, now_ms) for n in range(new)])
            elif waiting:
                await asyncio.gather(*map(publisher.publish, waiting))
                journal.note_acknowledged(len(waiting))
            elif self._ending:
                break
            else:
                await self._told.wait()
        await publisher.stop()


if __name__ == "__main__":
    try:
        asyncio.run(Loader(sys.argv[1], Path(sys.argv[2])).run())
    except* LogError:
        os._exit(LOST_CONTACT)
