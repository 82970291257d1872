"""The topics as AsyncAPI 3.0: who writes and who reads what, with real records as examples."""

from typing import Any, Final

from schemas.envelope import RULES_VERSION, cloudevent_attributes, decode_record
from schemas.topics import TOPICS, Service, Topic
from services import __version__
from services.reference.examples import example_records
from services.reference.messages import components

_DESCRIPTION: Final = """Every message between the services of the exchange, and all that the audit
trail holds.

A message is canonical JSON with CloudEvents 1.0 attributes in the headers. A venue is the unit of
order: all its messages have one partition number, the same on every topic. One service writes each
topic; audit and the read models read all of them.
"""
_TEXT: Final = {"type": "string"}
_HEADERS: Final = {
    "title": "CloudEvents 1.0 attributes",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _TEXT | {"description": "The command's own, or service and sequence."},
        "source": _TEXT | {"description": "Venue and service, such as /venues/gx/matching."},
        "type": _TEXT | {"description": "The message's name."},
        "time": _TEXT | {"format": "date-time", "description": "When it counts from."},
        "partitionkey": _TEXT | {"description": "The venue."},
        "sequence": _TEXT | {"description": "Counts a service's events in a venue, without gaps."},
        "correlationid": _TEXT | {"description": "The command at the root."},
        "causationid": _TEXT | {"description": "The message directly before."},
    },
    "required": ["specversion", "id", "source", "type", "time", "partitionkey"],
}


def asyncapi_document() -> dict[str, Any]:
    schemas = components("#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "databourse",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "x-rules-version": RULES_VERSION,
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: about for topic in TOPICS for name, about in _operations(topic)},
        "components": {
            "messages": {
                kind.__name__: _message(kind, schemas) for topic in TOPICS for kind in topic.carries
            },
            "schemas": {"CloudEvent": _HEADERS, **dict(sorted(schemas.items()))},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    readers = ", ".join(reader.value for reader in topic.readers) or "no deciding service"
    return {
        "address": topic.name,
        "description": f"Written by {topic.writer}; read by {readers}, audit and read models.",
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"}
            for kind in topic.carries
        },
    }


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    """Return who sends and who receives, each as an operation of that service."""
    channel = {"$ref": f"#/channels/{topic.name}"}
    parties = [("send", topic.writer), *(("receive", reader) for reader in topic.readers)]
    if topic.writer is not Service.AUDIT:
        parties.append(("receive", Service.AUDIT))
    return [
        (
            f"{service.value}-{action}s-{topic.name}",
            {
                "action": action,
                "channel": channel,
                "summary": f"{service.value} {action}s what {topic.name} carries.",
                "tags": [{"name": service.value}],
            },
        )
        for action, service in parties
    ]


def _message(kind: type, schemas: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    about: dict[str, Any] = {"name": name, "title": name}
    if text := schemas[name].get("description"):
        about["summary"] = " ".join(text.split())
    about["headers"] = {"$ref": "#/components/schemas/CloudEvent"}
    about["payload"] = {"$ref": f"#/components/schemas/{name}"}
    if found := example_records().get(name):
        about["examples"] = [
            {
                "name": name,
                "headers": cloudevent_attributes(decode_record(found.body)),
                "payload": found.record["data"],
            }
        ]
    return about
