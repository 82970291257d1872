"""`databourse topic`: the topics of a market, and what was last written to one."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from market.merkle import leaf_hash
from market.sealing import Endings, is_sealed
from schemas.envelope import Record, decode_record, iso_time
from schemas.topics import TOPIC_NAMED, TOPICS
from services.commands import UsageError
from services.commands.folders import log_reader
from services.commands.options import DatabaseUrl, TrailData, Venue
from streams.endings import read_endings
from streams.log import READ_LIMIT_MAX, LogReader, Stored

app = typer.Typer(
    help="List the topics of a market, and read the end of one.", no_args_is_help=True
)
POLL_SECONDS: Final = 0.2
TAIL_MAX: Final = READ_LIMIT_MAX
_ENDINGS: Final = "bids"  # where the ends of auctions are told


@app.command("list")
def list_command(
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the topics: who writes, who decides on it, how many messages, the last offset.

    Audit and the read models read all of them.

    Example: databourse topic list --data ./gx-data
    """
    with log_reader(data, db, venue) as log:
        heads = log.heads()
    rows = [
        {
            "topic": topic.name,
            "writer": topic.writer.value,
            "readers": [reader.value for reader in topic.readers],
            "messages": heads.get(topic.name, 0),
            "last_offset": heads.get(topic.name, 0) - 1 if topic.name in heads else None,
        }
        for topic in TOPICS
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


@app.command("tail")
def tail_command(
    name: Annotated[str, typer.Argument(help="A topic, as `topic list` names it.")],
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    count: Annotated[
        int, typer.Option("-n", min=0, max=TAIL_MAX, help="How many of the last messages.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Print the last messages of a topic; of one that is still sealed, the leaf hash alone.

    Example: databourse topic tail bids --data ./gx-data -n 5
    """
    if name not in TOPIC_NAMED:
        raise UsageError(f"there is no topic {name!r}; there are {', '.join(TOPIC_NAMED)}")
    with log_reader(data, db, venue) as log:
        size = log.size
        endings = read_endings(log, size)
        for stored in _last(log, name, count, size):
            _print(stored, endings, as_json)
        try:
            while follow:
                for stored in _since(log, size, {name, _ENDINGS}):
                    record = decode_record(stored.body)
                    endings.note(record.data)
                    if record.topic == name:
                        _print(stored, endings, as_json)
                    size = stored.position + 1
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            return


def _last(log: LogReader, name: str, count: int, size: int) -> list[Stored]:
    """Return the last `count` messages of a topic below `size`, looking back ever further."""
    width = max(count, 1)
    while True:
        start = max(size - width, 0)
        found = [stored for stored in _since(log, start, {name}) if stored.position < size]
        if len(found) >= count or not start:
            return found[-count:] if count else []
        width *= 4


def _since(log: LogReader, position: int, topics: set[str]) -> Iterator[Stored]:
    while stored := log.read(position, READ_LIMIT_MAX, topics):
        yield from stored
        position = stored[-1].position + 1


def _print(stored: Stored, endings: Endings, as_json: bool) -> None:
    record = decode_record(stored.body)
    sealed = is_sealed(record.data, endings.after)
    if as_json:
        typer.echo(json.dumps(_shown(stored, sealed), ensure_ascii=False))
    elif sealed:
        typer.echo(f"{stored.position} sealed: leaf hash {leaf_hash(stored.body).hex()}")
    else:
        typer.echo(f"{stored.position} {_line(record, stored.body)}")


def _shown(stored: Stored, sealed: bool) -> dict[str, Any]:
    return {
        "position": stored.position,
        "sealed": sealed,
        "record": None if sealed else json.loads(stored.body),
        "leaf_hash": leaf_hash(stored.body).hex(),
    }


def _line(record: Record, body: bytes) -> str:
    said = json.loads(body)["data"]
    kind, at_ms = said.pop("type"), said.pop("at_ms")
    return f"{iso_time(at_ms)} {kind} {json.dumps(said, ensure_ascii=False)}"


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
