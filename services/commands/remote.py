"""A command for each operation of the HTTP interface, made from its row and its description."""

import importlib
import inspect
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Final

import typer

from services.client.operations import Input, Kind, Operation, Place, Row, operation_of
from services.commands.options import AsJson, RemoteUrl, Token, TokenFile
from services.commands.times import read_time

CALL: Final = "services.commands.call"
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
    """Return the command of a row. What it takes to call the market is imported when it runs."""
    operation = operation_of(row)

    def run(**values: Any) -> None:
        importlib.import_module(CALL).call(row, operation, values)

    parameters = _parameters(row, operation)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    about = operation.about or operation.summary
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
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
    text = f"{given.about} (required)" if given.is_wanted else given.about
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
