"""A log in memory, for tests and for simulations that write their log at the end."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from streams.log import READ_LIMIT_MAX, Entry, Snapshot, Stored


class MemoryLog:
    def __init__(self, venue: str = "gx") -> None:
        self.venue = venue
        self._entries: list[Entry] = []
        self._heads: dict[str, int] = {}
        self._snapshots: dict[tuple[str, int], Snapshot] = {}

    @property
    def size(self) -> int:
        return len(self._entries)

    def append(
        self,
        entries: Sequence[Entry],
        heads: Mapping[str, int],
        snapshots: Iterable[Snapshot] = (),
    ) -> int:
        first = len(self._entries)
        self._entries += entries
        self._heads.update(heads)
        self._snapshots.update({(snap.service, snap.position): snap for snap in snapshots})
        return first

    def read(
        self, start: int, limit: int = READ_LIMIT_MAX, topics: Collection[str] | None = None
    ) -> Sequence[Stored]:
        found: list[Stored] = []
        for position in range(start, len(self._entries)):
            if len(found) == limit:
                break
            topic, body = self._entries[position]
            if topics is None or topic in topics:
                found.append(Stored(position, body))
        return found

    def heads(self) -> dict[str, int]:
        return dict(self._heads)

    def snapshots(self, service: str) -> Sequence[Snapshot]:
        own = [snap for snap in self._snapshots.values() if snap.service == service]
        return sorted(own, key=lambda snap: -snap.position)

    def close(self) -> None: ...
