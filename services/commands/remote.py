"""A command for each operation of the HTTP interface, made from its row and its description."""

import inspect
import json
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from services.client.connection import Connection, new_key
from services.client.files import read_document
from services.client.operations import Input, Kind, Operation, Place, Row, operation_of
from services.client.render import show
from services.client.uploads import media_type_of, read_upload
from services.commands import UsageError
from services.commands.targets import (
    AsJson,
    RemoteUrl,
    Token,
    TokenFile,
    over_network,
    read_token,
)
from services.commands.times import read_time

Key = Annotated[
    str, typer.Option("--key", help="Idempotency-Key; a new one is made and told if not given.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait for the result, only for its acceptance.")
]
JsonBody = Annotated[
    str,
    typer.Option("--json-body", metavar="FILE", help="The whole body, JSON or YAML; - is stdin."),
]
Upload = Annotated[Path, typer.Argument(metavar="FILE", help="The content.")]
MediaType = Annotated[
    str, typer.Option("--media-type", help="Told by the file's name if not given.")
]
_SHARED: Final[dict[str, tuple[Any, Any]]] = {
    "url": (RemoteUrl, "http://127.0.0.1:8321"),
    "token": (Token, ""),
    "token_file": (TokenFile, None),
    "as_json": (AsJson, False),
}
_MUTATING: Final[dict[str, tuple[Any, Any]]] = {"key": (Key, ""), "no_wait": (NoWait, False)}


def command_of(row: Row) -> Any:
    """Return the command of a row, for the command line's group of its noun."""
    operation = operation_of(row)

    def run(**values: Any) -> None:
        _run(row, operation, values)

    parameters = _parameters(row, operation)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    about = operation.about or operation.summary
    app = typer.Typer(add_completion=False)
    app.command(row.verb, help=f"{about}\n\nExample: {row.example}")(run)
    return typer.main.get_command(app)


def _parameters(row: Row, operation: Operation) -> list[inspect.Parameter]:
    made = [_parameter(given) for given in operation.inputs]
    shared = dict(_SHARED)
    if row.method != "GET":
        shared |= _MUTATING
    if operation.has_body:
        shared["json_body"] = (JsonBody, "")
    if operation.media_types:
        made.append(_keyword("upload", Upload))
        shared["media_type"] = (MediaType, "")
    made += [_keyword(name, *about) for name, about in shared.items()]
    return made


def _parameter(given: Input) -> inspect.Parameter:
    kind, more = _TYPES[given.kind], dict[str, Any]()
    if given.name.endswith("_at_ms"):
        kind, more = int, {"parser": read_time, "metavar": "TIME"}
    elif given.choices:
        more = {"metavar": "|".join(given.choices)}
    elif given.kind is Kind.DOCUMENT:
        more = {"metavar": "FILE"}
    text = f"{given.about} (required)" if _is_wanted(given) else given.about
    if given.place is Place.PATH:
        return _keyword(given.name, Annotated[str, typer.Argument(help=given.about)])
    option = f"--{given.name.replace('_', '-')}"
    names = [f"{option}/--no-{option[2:]}"] if given.kind is Kind.BOOLEAN else [option]
    wanted = GenericAlias(list, (kind,)) if given.many else kind
    annotation: Any = Annotated[wanted | None, typer.Option(*names, help=text.strip(), **more)]
    return _keyword(given.name, annotation, None)


_TYPES: Final[dict[Kind, Any]] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.BOOLEAN: bool,
    Kind.DOCUMENT: str,
}


def _keyword(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=annotation)


def _run(row: Row, operation: Operation, values: dict[str, Any]) -> None:
    path, query = row.path, {}
    for given in operation.inputs:
        value = values[given.name]
        if given.place is Place.PATH:
            path = path.replace(f"{{{given.name}}}", quote(str(value), safe=""))
        elif given.place is Place.QUERY and value is not None:
            query[given.name] = value
    _refuse_missing(operation, Place.QUERY, query)
    body = _body(operation, values)
    token = read_token(values["token"], values["token_file"])
    with over_network(values["url"], token) as connection:
        answer = _send(connection, row, path, query, body, values)
    _show(answer, as_json=values["as_json"])


def _send(
    connection: Connection,
    row: Row,
    path: str,
    query: dict[str, Any],
    body: Any,
    values: dict[str, Any],
) -> Any:
    if row.method == "GET":
        return connection.send("GET", path, query=query)
    key = values["key"] or new_key()
    typer.echo(f"sent under --key {key}; the same call with it has no second effect", err=True)
    more: dict[str, Any] = {}
    if "upload" in values:
        more = {
            "content": read_upload(values["upload"]),
            "headers": {"Content-Type": values["media_type"] or media_type_of(values["upload"])},
        }
    wait = not values["no_wait"]
    return connection.send(row.method, path, query=query, body=body, key=key, wait=wait, **more)


def _body(operation: Operation, values: dict[str, Any]) -> dict[str, Any] | None:
    """Return the body: the file's, with what was given by options in place of its own."""
    if not operation.has_body:
        return None
    name = values["json_body"]
    body = read_document(name, "--json-body") if name else {}
    if not isinstance(body, dict):
        raise UsageError(f"--json-body: {name} holds no object")
    for given in operation.inputs:
        value = values[given.name]
        if given.place is not Place.BODY or value is None:
            continue
        option = f"--{given.name.replace('_', '-')}"
        body[given.name] = read_document(value, option) if given.kind is Kind.DOCUMENT else value
    _refuse_missing(operation, Place.BODY, body)
    return body


def _refuse_missing(operation: Operation, place: Place, found: dict[str, Any]) -> None:
    missing = [
        f"--{given.name.replace('_', '-')}"
        for given in operation.inputs
        if given.place is place and _is_wanted(given) and given.name not in found
    ]
    if missing:
        raise UsageError(f"missing: {', '.join(missing)}; see --help")


def _is_wanted(given: Input) -> bool:
    return given.required and given.place is not Place.PATH


def _show(answer: Any, *, as_json: bool) -> None:
    if not answer.content:
        typer.echo("{}" if as_json else "done")
    elif not answer.headers.get("Content-Type", "").startswith("application/json"):
        typer.echo(answer.content, nl=not answer.content.endswith(b"\n"))
    elif as_json:
        typer.echo(json.dumps(answer.json(), ensure_ascii=False))
    else:
        show(answer.json())
