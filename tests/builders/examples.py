"""Make the reference's example records anew, from a market in which every operation was called:

python3 run.py python -m tests.builders.examples
"""

import tempfile
from pathlib import Path

from services.gateway.access import ACCESS
from services.reference.examples import FILE, first_of_each_kind
from streams.embedded import EmbeddedReader
from tests.builders.operations import MUTATING, SPEAKERS, World, send

OLDER = Path(__file__).parents[1] / "data" / "records-v1.jsonl"  # a day with auctions to the end


def records(folder: Path) -> list[bytes]:
    """Return the records of a market in which every operation was called by who may call it."""
    world = World(folder)
    try:
        for operation in MUTATING:
            for role in sorted(ACCESS[operation]):
                speaker = SPEAKERS[role]
                send(world, speaker, operation, world.subjects(speaker, "own", fresh=True))
    finally:
        world.close()
    log = EmbeddedReader(folder)
    try:
        return [stored.body for stored in log.read(0, log.size)]
    finally:
        log.close()


def write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recent = records(Path(folder) / "market")
    found = first_of_each_kind([*recent, *OLDER.read_bytes().splitlines()])
    FILE.write_bytes(b"".join(example.body + b"\n" for example in found.values()))


if __name__ == "__main__":
    write()
