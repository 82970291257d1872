"""Every file of the reference, by its name."""

import json
from collections.abc import Callable
from typing import Any, Final

from services.gateway.app import openapi_document
from services.reference.asyncapi import asyncapi_document
from services.reference.markdown import commands_text, messages_text, reasons_text
from services.reference.messages import record_schema


def documents() -> dict[str, str]:
    return {name: make() for name, make in _DOCUMENTS.items()}


def as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


_DOCUMENTS: Final[dict[str, Callable[[], str]]] = {
    "openapi.json": lambda: as_json(openapi_document()),
    "asyncapi.json": lambda: as_json(asyncapi_document()),
    "records.schema.json": lambda: as_json(record_schema()),
    "messages.md": messages_text,
    "reasons.md": reasons_text,
    "commands.md": commands_text,
}
