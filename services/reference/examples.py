"""A real record of each kind of message, kept beside this file as it was written to a log.

`records.jsonl` is made by `tests.builders.examples`. A kind without an example is described all the
same.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = Path(__file__).parent / "records.jsonl"


class Example(NamedTuple):
    body: bytes
    record: dict[str, Any]


@cache
def example_records() -> dict[str, Example]:
    """Return an example for each kind of message that has one, by its name."""
    return first_of_each_kind(FILE.read_bytes().splitlines())


def first_of_each_kind(bodies: Iterable[bytes]) -> dict[str, Example]:
    found: dict[str, Example] = {}
    for body in bodies:
        record = json.loads(body)
        found.setdefault(record["data"]["type"], Example(body, record))
    return dict(sorted(found.items()))
