"""`databourse schema`: the reference of everything that goes over the wire."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.commands import UsageError
from services.reference.documents import documents

app = typer.Typer(help="The reference of what goes over the wire.", no_args_is_help=True)


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="The folder to write into.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write every file of the reference; files of other names are left alone.

    Example: databourse schema export --out docs/reference
    """
    written = documents()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    told = {"out": str(out), "files": sorted(written)}
    typer.echo(json.dumps(told) if as_json else f"{', '.join(told['files'])} in {out}")


@app.callback()
def schema() -> None:
    """The reference of what goes over the wire."""
