"""Every file of the reference, by its name."""

import json
from collections.abc import Callable
from typing import Any, Final

from services.gateway.app import openapi_document


def documents() -> dict[str, str]:
    return {name: make() for name, make in _DOCUMENTS.items()}


def as_json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


_DOCUMENTS: Final[dict[str, Callable[[], str]]] = {
    "openapi.json": lambda: as_json(openapi_document()),
}
