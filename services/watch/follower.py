"""A stream of a venue as the watch follows it on Kafka: what it remembers, and where it stands.

Both are kept as one value, so a worker that was killed goes on from the two together: nothing
counts twice, and nothing is left out.
"""

import zlib
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from market.watch.facts import Seen
from market.watch.state import (
    DEALS_TOPICS,
    USE_TOPICS,
    Deals,
    Found,
    Use,
    observe_deals,
    observe_use,
)
from schemas.envelope import encode
from streams.recovery import STATE_VERSION


class Stream(NamedTuple):
    name: str
    topics: frozenset[str]
    kind: type[Deals] | type[Use]
    observe: Callable[[Any, Seen], list[Found]]


STREAMS: Final = (
    Stream("deals", DEALS_TOPICS, Deals, observe_deals),
    Stream("use", USE_TOPICS, Use, observe_use),
)


class _Kept(msgspec.Struct):
    version: int
    positions: dict[str, int]
    state: msgspec.Raw


class Follower:
    """`positions` are the next offsets to be read, by topic."""

    def __init__(self, stream: Stream, kept: bytes | None = None) -> None:
        """Goes on from what `keep` returned, or from the beginning: also where that was written by
        another version. What was said before is then said again, under the same ids.
        """
        self.stream = stream
        self.positions = dict.fromkeys(stream.topics, 0)
        self.state: Deals | Use = stream.kind()
        self._read: dict[str, deque[tuple[int, int]]] = defaultdict(deque)
        if kept is not None:
            found = msgspec.json.decode(zlib.decompress(kept), type=_Kept)
            if found.version == STATE_VERSION:
                self.positions |= found.positions
                self.state = msgspec.json.decode(found.state, type=stream.kind)

    def take(self, topic: str, offset: int, seen: Seen) -> list[Found]:
        """Return what is to be said of a record; it may be of one that was read long before."""
        found = self.stream.observe(self.state, seen)
        read = self._read
        read[topic].append((seen.sequence, offset + 1))
        taken = self.state.taken
        for name in self.stream.topics:
            while read[name] and read[name][0][0] <= taken:
                self.positions[name] = max(self.positions[name], read[name].popleft()[1])
        return found

    def keep(self) -> bytes:
        """Return all of it, but for what waits for another topic: that will be read again."""
        state = self.state
        if isinstance(state, Deals):
            state = msgspec.structs.replace(state, held={})
        kept = _Kept(STATE_VERSION, self.positions, msgspec.Raw(encode(state)))
        return zlib.compress(encode(kept), level=1)
