"""Server-sent events, line by line."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec


class Happening(NamedTuple):
    position: int
    type: str
    data: dict[str, Any]


def happenings(lines: Iterable[str]) -> Iterator[Happening | None]:
    """Yield each event, and None for each sign of life between events."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield None
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            data = msgspec.json.decode(fields["data"], type=dict[str, Any])
            yield Happening(int(fields["id"]), fields.get("event", "message"), data)
            fields = {}
