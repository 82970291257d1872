"""JSON Schemas of all messages, as they are on the topics."""

from functools import cache
from typing import Any, Final

import msgspec

from schemas.envelope import Record
from schemas.topics import TOPIC_OF

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@cache
def components(template: str) -> dict[str, Any]:
    """Return the schema of every message and of every part, by name. `template` says how they
    refer to each other.
    """
    kinds = sorted(TOPIC_OF, key=lambda kind: kind.__name__)
    parts = msgspec.json.schema_components(kinds, ref_template=template)[1]
    return {name: _plain(part) for name, part in parts.items()}


def record_schema() -> dict[str, Any]:
    """Return the schema of one record of the log: a message in its place."""
    template = "#/$defs/{name}"
    (record,), parts = msgspec.json.schema_components([Record], ref_template=template)
    return {
        "$schema": DIALECT,
        "$id": "urn:databourse:schema:records",
        "title": "A record of the log: a message with its place and its cause",
        **record,
        "$defs": {name: _plain(part) for name, part in sorted(parts.items())},
    }


def _plain(node: Any) -> Any:
    """Return a schema without discriminators, which are a matter of OpenAPI; each member of a
    union names its tag anyway.
    """
    match node:
        case dict():
            return {name: _plain(inner) for name, inner in node.items() if name != "discriminator"}
        case list():
            return [_plain(inner) for inner in node]
        case _:
            return node
