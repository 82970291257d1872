"""One operation of the HTTP interface, called as the command line's options say."""

import json
from typing import Any
from urllib.parse import quote

import typer

from services.client.connection import Connection, new_key
from services.client.files import read_document
from services.client.operations import Kind, Operation, Place, Row
from services.client.render import show
from services.client.uploads import media_type_of, read_upload
from services.commands import UsageError
from services.commands.options import read_token
from services.commands.targets import over_network


def call(row: Row, operation: Operation, values: dict[str, Any]) -> None:
    """Send what the options say, by the operation of the row, and print the answer."""
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
    wait = not values["no_wait"]
    if "upload" in values:
        file = values["upload"]
        media_type = values["media_type"] or media_type_of(file)
        return connection.upload(
            path, read_upload(file), media_type, key=key, query=query, wait=wait
        )
    return connection.send(row.method, path, query=query, body=body, key=key, wait=wait)


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
        if given.place is place and given.is_wanted and given.name not in found
    ]
    if missing:
        raise UsageError(f"missing: {', '.join(missing)}; see --help")


def _show(answer: Any, *, as_json: bool) -> None:
    if not answer.content:
        typer.echo("{}" if as_json else "done")
    elif not answer.headers.get("Content-Type", "").startswith("application/json"):
        typer.echo(answer.content, nl=not answer.content.endswith(b"\n"))
    elif as_json:
        typer.echo(json.dumps(answer.json(), ensure_ascii=False))
    else:
        show(answer.json())
