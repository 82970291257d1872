"""What a log says: verified, replayed, and which command had which effect."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from schemas.base import Command
from schemas.commands import TimePassed
from schemas.envelope import Record, decode_record
from services.audit.findings import Finding
from services.audit.replay import replay_log
from services.audit.store import verifier_of
from services.audit.verify import verify_log
from tests.builders.places import Place, place_of

Where = Path | Place  # a data folder, or wherever else


def findings(where: Where) -> list[Finding]:
    place = place_of(where)
    with closing(place.log()) as log, closing(place.shelf()) as shelf:
        verified = verify_log(log, shelf.notes(), verifier_of(shelf, str(place.folder)))
        return [*verified.findings, *replay_log(log).findings]


def records(where: Where, position: int = 0) -> Iterator[Record]:
    with closing(place_of(where).log()) as log:
        while stored := log.read(position):
            yield from (decode_record(body) for _, body in stored)
            position = stored[-1].position + 1


def effects(where: Where) -> Counter[str]:
    return effects_of(records(where))


def effects_of(records: Iterable[Record]) -> Counter[str]:
    """Return how often each command took effect: how often the first event it directly caused
    came of it. A command that is only on record counts 0.
    """
    caused: dict[str, list[str]] = {}
    for record in records:
        if isinstance(record.data, TimePassed):
            continue
        if isinstance(record.data, Command):
            caused.setdefault(record.data.id, [])
        elif record.causationid in caused:
            caused[record.causationid].append(type(record.data).__name__)
    return Counter({id: kinds.count(kinds[0]) if kinds else 0 for id, kinds in caused.items()})
