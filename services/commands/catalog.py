"""`databourse catalog`: catalogues of others come in as draft listings, and ours goes out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.client.connection import Connection
from services.commands import Exit, UsageError
from services.commands.options import (
    AsJson,
    Data,
    Token,
    TokenFile,
    Url,
    data_folder,
    read_token,
    refuse_both,
)
from services.commands.suppliers import Supplier, supplier
from services.commands.targets import over_network
from services.dcat.exporting import catalogue_of
from services.dcat.importing import Importer, Rejected, Report
from services.dcat.importing import as_json as reports_as_json
from streams.embedded import FILE_NAME as LOG_NAME

app = typer.Typer(
    help="Import and export catalogues in the DCAT-US 1.1 form.", no_args_is_help=True
)


@app.command("import")
def import_command(
    files: Annotated[list[Path], typer.Argument(help="DCAT-US 1.1 files (data.json).")],
    data: Data = None,
    url: Url = "",
    token: Token = "",
    token_file: TokenFile = None,
    supplier_id: Supplier = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a draft listing of each right entry, and name what is wrong with each other one.

    The same file again changes nothing; a changed entry amends its draft. Exit code 1: entries
    were refused; 2: a file cannot be read, the others are done all the same.

    Example: databourse catalog import data.json --data ./gx-data
    """
    refuse_both(data, url)
    said = read_token(token, token_file)
    with supplier(data, url, said, supplier_id, dry_run=dry_run) as speaker:
        importer = Importer(*speaker, dry_run=dry_run)
        reports = [_import(importer, path, as_json) for path in files]
        if as_json:
            typer.echo(json.dumps(reports_as_json(reports), ensure_ascii=False))
        if importer.stopped is not None:
            raise importer.stopped
    raise typer.Exit(_exit_code(reports))


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    data: Data = None,
    url: Url = "",
    contact_name: Annotated[
        str, typer.Option(help="Whom to ask about listings that name nobody.")
    ] = "Exchange",
    contact_email: Annotated[str, typer.Option(help="That contact's address.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write everything listed as a DCAT-US 1.1 catalogue.

    Example: databourse catalog export --data ./gx-data --contact-email desk@gx.example
    --out catalogue.json
    """
    refuse_both(data, url)
    with _reader(data, url) as connection:
        catalogue = catalogue_of(connection, (contact_name, contact_email))
    text = json.dumps(catalogue, ensure_ascii=False, indent=2)
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error
    count = len(catalogue["dataset"])
    told = {"out": str(out), "listings": count}
    typer.echo(json.dumps(told) if as_json else f"{count} listings in {out}")


def _import(importer: Importer, path: Path, quiet: bool) -> Report:
    report = importer.run(path, quiet=quiet)
    if not quiet:
        _tell(report)
    return report


def _tell(report: Report) -> None:
    counts = ", ".join(
        f"{report.fates.count(fate)} {fate.value}" for fate in dict.fromkeys(report.fates)
    )
    taken = f"{len(report.fates)} imported" + (f" ({counts})" if counts else "")
    typer.echo(f"{report.file}: {taken}, {len(report.rejected)} rejected")
    for rejected in report.rejected:
        typer.echo(f"  {_place(rejected)}: {rejected.reason}")


def _place(rejected: Rejected) -> str:
    if rejected.index is None:
        return "the file"
    named = f" ({rejected.identifier})" if rejected.identifier else ""
    return f"entry {rejected.index}{named}"


def _exit_code(reports: list[Report]) -> Exit:
    if not all(report.readable for report in reports):
        return Exit.USAGE
    return Exit.FINDING if any(report.rejected for report in reports) else Exit.RIGHT


@contextmanager
def _reader(data: Path | None, url: str) -> Iterator[Connection]:
    if url and data is None:
        with over_network(url, "") as connection:
            yield connection
        return
    from services.client.here import open_here  # the web stack: not for --help

    folder = data_folder(data)
    if not (folder / LOG_NAME).exists():
        raise UsageError(f"{folder} holds no market; name one with --data", Exit.UNREACHABLE)
    with open_here(folder) as here:
        yield here.operator
