"""The description of the interface (OpenAPI 3.1): what the routes say, completed by their rules."""

import copy
import inspect
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from schemas.auctions import INCREMENT_TABLES
from services.gateway import message_schemas
from services.gateway.access import ACCESS, PUBLIC, UNSCOPED
from services.gateway.calls import ID_LENGTHS
from services.gateway.examples import example_of
from services.gateway.guard import KEY_LENGTH_MAX, KEY_PATTERN, SAFE, is_upload
from services.gateway.problems import MEDIA_TYPE
from services.gateway.tabular import CSV, JSON_LINES, PARQUET
from services.gateway.tokens import scope_of

Json = dict[str, Any]
EDGE_TAGS: Final = frozenset({"tokens", "webhooks"})  # answered at the edge: no command, no 202
_ALWAYS: Final = (401, 404, 414, 422, 429, 431, 503)
_MUTATING: Final = (400, 402, 403, 408, 409, 413, 415)
_DESCRIPTION: Final = """An event-driven data exchange: free, metered and auction trading.

Amounts are integers in minor units of a currency, times UTC epoch milliseconds.

A call that changes something takes an `Idempotency-Key`: a retry under the same key has one effect
and tells what became of the first. It is answered with 202 and the place where its outcome will
stand, or, with `Prefer: wait=2`, with what it led to.

Every error is a problem (RFC 9457) with a code, in `type`, and what to do, in `detail`.
"""


def operation_id(route: APIRoute) -> str:
    """Return a name that holds as long as the route's function keeps its name."""
    return f"{str(route.tags[0]).replace('-', '_')}_{route.name}"


def completed(app: FastAPI) -> Json:
    """Return the application's description with schemas, errors, headers, roles and examples."""
    document: Json = copy.deepcopy(FastAPI.openapi(app))
    document["info"] = {
        "title": "databourse",
        "version": app.version,
        "summary": "A data exchange whose every step can be verified.",
        "description": _DESCRIPTION,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
    document["servers"] = [{"url": "/"}]
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts = message_schemas.components()
    assert not set(parts) & set(schemas), f"named twice: {set(parts) & set(schemas)}"
    _name_increments(parts)
    schemas |= parts | {"Problem": _PROBLEM, "Accepted": _ACCEPTED}
    document["components"] |= {"headers": _HEADERS, "securitySchemes": _SECURITY}
    document["components"]["responses"] = {
        f"Problem{status}": _problem_response(status) for status in (*_ALWAYS, *_MUTATING)
    }
    _walk(document, _resolve)
    document["tags"] = [{"name": tag} for tag in sorted(_tags(document))]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method.upper(), path, schemas)
    return document


def _name_increments(parts: Json) -> None:
    """At the edge the name of a table of increments may stand for the table."""
    named = {"enum": sorted(INCREMENT_TABLES), "description": "The name of a table."}
    for part in parts.values():
        fields = part.get("properties", {})
        if "increments" in fields:
            fields["increments"] = {"anyOf": [named, fields["increments"]]}


def _complete(operation: Json, method: str, path: str, schemas: Json) -> None:
    """Bring one operation's description up to what the edge really takes and gives."""
    allowed = ACCESS[(method, path)]
    tag = operation["tags"][0]
    text = operation.get("description", "").strip()
    operation["summary"] = text.partition("\n")[0].partition(". ")[0].rstrip(".") or "?"
    operation["x-databourse-role"] = (
        ["public"] if allowed is PUBLIC else sorted(role.value for role in allowed)
    )
    scope = scope_of(tag, method)
    operation["x-databourse-scope"] = None if scope.startswith(UNSCOPED) else scope
    bearer: Json = {"bearer": []}
    operation["security"] = [{}, bearer] if allowed is PUBLIC else [bearer]
    is_command = method not in SAFE and tag not in EDGE_TAGS
    _parameters(operation, method, is_command=is_command)
    _request_body(operation, method, path, schemas)
    _responses(operation, method, is_command=is_command, public=allowed is PUBLIC)
    _examples(operation, schemas)


def _parameters(operation: Json, method: str, *, is_command: bool) -> None:
    parameters: list[Json] = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path" and parameter["name"].endswith("_id"):
            parameter["schema"] |= {"minLength": ID_LENGTHS[0], "maxLength": ID_LENGTHS[-1]}
    if method not in SAFE:
        parameters.append(_IDEMPOTENCY_KEY)
    if is_command:
        parameters.append(_PREFER)


def _request_body(operation: Json, method: str, path: str, schemas: Json) -> None:
    if is_upload({"method": method, "path": path.replace("{", "").replace("}", "")}):
        schema = {"type": "string", "contentMediaType": "application/octet-stream"}
        example = "day,mm\n2024-01-01,1.5\n2024-01-02,0\n"
        content = {CSV: {"schema": schema, "example": example}}
        content[JSON_LINES] = {"schema": schema, "example": '{"day": "2024-01-01", "mm": 1.5}\n'}
        content[PARQUET] = {"schema": schema, "example": "PAR1, as bytes"}
        operation["requestBody"] = {"required": True, "content": content}
        return
    for about in operation.get("requestBody", {}).get("content", {}).values():
        about.setdefault("example", example_of(about["schema"], schemas, whole=False))


def _responses(operation: Json, method: str, *, is_command: bool, public: bool) -> None:
    responses: Json = operation["responses"]
    responses.pop("422", None)
    for status, about in responses.items():
        if about.get("description", "Successful Response") == "Successful Response":
            about["description"] = HTTPStatus(int(status)).phrase
        about.setdefault("headers", {}).update(_refer("headers", "Request-Id", *_RATE_HEADERS))
    if is_command:
        responses["200"]["headers"] |= _refer("headers", "Location")
        if "application/json" in responses["200"].get("content", {}):
            responses["202"] = _ACCEPTED_RESPONSE
    statuses = {*_ALWAYS, *(() if method in SAFE else _MUTATING), *(() if public else (403,))}
    for status in sorted(statuses):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})


def _examples(operation: Json, schemas: Json) -> None:
    for parameter in operation["parameters"]:
        name = parameter["name"]
        if "example" not in parameter:
            parameter["example"] = parameter["schema"].get(
                "default", example_of(parameter["schema"], schemas, whole=False, name=name)
            )
    for status, about in operation["responses"].items():
        if status.startswith("2"):
            for kind in about.get("content", {}).values():
                kind.setdefault("example", example_of(kind["schema"], schemas, whole=True))


def _resolve(node: Json) -> None:
    """Turn a part's name into a reference, and a docstring into a text without its margins."""
    name = node.pop(message_schemas.NAME_KEY, None)
    if name is not None:
        node.clear()
        node["$ref"] = f"#/components/schemas/{name}"
    if isinstance(node.get("description"), str):
        node["description"] = inspect.cleandoc(node["description"])


def _walk(node: Any, act: Callable[[Json], None]) -> None:
    if isinstance(node, dict):
        act(node)
    for inner in node.values() if isinstance(node, dict) else node:
        if isinstance(inner, dict | list):
            _walk(inner, act)


def _tags(document: Json) -> set[str]:
    return {
        operation["tags"][0]
        for operations in document["paths"].values()
        for operation in operations.values()
    }


def _refer(kind: str, *names: str) -> Json:
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


@cache
def _problem_response(status: int) -> Json:
    phrase = HTTPStatus(status).phrase
    example = {
        "type": f"/problems/{phrase.lower().replace(' ', '_')}",
        "title": phrase.lower(),
        "status": status,
        "detail": "What was wrong, and what to do.",
        "instance": "/v1/bids",
    }
    headers = _refer("headers", "Request-Id", *_RATE_HEADERS)
    if status in (429, 503):
        headers |= _refer("headers", "Retry-After")
    if status == 401:
        headers |= _refer("headers", "WWW-Authenticate")
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    return {"description": phrase, "headers": headers, "content": content}


_RATE_HEADERS: Final = ("RateLimit", "RateLimit-Policy")
_TEXT: Final = {"type": "string"}
_HEADERS: Final[Json] = {
    "Request-Id": {"description": "Names this call in the operator's log.", "schema": _TEXT},
    "Location": {"description": "Where the outcome of the command stands.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "Bearer.", "schema": _TEXT},
    "RateLimit": {
        "description": "What is left (r) and when it is whole again (t, seconds).",
        "schema": _TEXT,
        "example": '"party";r=11999;t=60',
    },
    "RateLimit-Policy": {
        "description": "How many calls (q) in how many seconds (w).",
        "schema": _TEXT,
        "example": '"party";q=12000;w=60',
    },
}
_SECURITY: Final[Json] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token such as dbt_..."}
}
_PROBLEM: Final[Json] = {
    "title": "Problem",
    "description": "An error (RFC 9457). The end of `type` is the code a program goes by.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "pattern": "^/problems/[a-z0-9_]+$"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "minLength": 1},
        "instance": _TEXT,
    },
    "required": ["type", "title", "status", "detail", "instance"],
    "additionalProperties": False,
}
_ACCEPTED: Final[Json] = {
    "title": "Accepted",
    "description": "The command is durable; what becomes of it will stand at `Location`.",
    "type": "object",
    "properties": {"id": _TEXT, "status": {"const": "accepted"}},
    "required": ["id", "status"],
    "additionalProperties": False,
}
_ACCEPTED_RESPONSE: Final[Json] = {
    "description": "Accepted",
    "headers": _refer("headers", "Request-Id", "Location", *_RATE_HEADERS),
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Accepted"},
            "example": {"id": "cmd_k7y2mq4hd3v5wz6cjx2a", "status": "accepted"},
        }
    },
}
_IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for a new wish, the same for its retries.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_LENGTH_MAX,
        "pattern": f"^{KEY_PATTERN}$",
    },
    "example": "5f0c6d0e-2b7b-4f3e-9d61-8d7a2c1e4b90",
}
_PREFER: Final[Json] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=2` waits so many seconds for the result.",
    "schema": _TEXT,
    "example": "wait=2",
}
