"""Gives messages their place: topic, offset, sequence and cause, and turns them into log
entries.
"""

from collections.abc import Sequence
from typing import Final

from market.venue import Emission
from schemas.base import Command
from schemas.envelope import RULES_VERSION, Message, Record, encode
from schemas.topics import PARTITION_OF_VENUE, TOPIC_OF
from streams.log import Entry

_PLACE_OF: Final = {
    kind: (topic.name, topic.writer.value, topic.decided) for kind, topic in TOPIC_OF.items()
}


class Scribe:
    """Keeps the heads: the next offset of each topic and the last sequence of each service.

    One scribe per log writer; after a failed append it is ahead of the log and must be dropped.
    """

    def __init__(self, venue: str, heads: dict[str, int]) -> None:
        self.heads = heads
        self._venue = venue
        self._partition = PARTITION_OF_VENUE[venue]

    def write(self, message: Message, correlationid: str, causationid: str = "") -> Record:
        """Return the message's record: the next of its topic and, for an event, of its service."""
        topic, service, decided = _PLACE_OF[type(message)]
        heads = self.heads
        offset = heads.get(topic, 0)
        heads[topic] = offset + 1
        sequence = rules = 0
        if decided:
            sequence = heads[service] = heads.get(service, 0) + 1
            rules = RULES_VERSION
        return Record(
            topic=topic,
            partition=self._partition,
            offset=offset,
            source=f"{self._venue}/{service}",
            data=message,
            correlationid=correlationid,
            causationid=causationid,
            sequence=sequence,
            rulesversion=rules,
        )

    def write_entry(self, message: Message, correlationid: str, causationid: str) -> Entry:
        record = self.write(message, correlationid, causationid)
        return Entry(record.topic, encode(record))

    def write_cascade(self, cascade: Sequence[Emission]) -> list[Entry]:
        """Return the entries of a command and all it caused, in order."""
        root = cascade[0].message
        assert isinstance(root, Command), "a cascade begins with a command"
        ids: list[str] = []
        entries: list[Entry] = []
        for message, cause in cascade:
            record = self.write(message, root.id, ids[cause] if ids else "")
            ids.append(record.id)
            entries.append(Entry(record.topic, encode(record)))
        return entries
