"""`databourse sim compare`: two finished runs beside each other."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from services.commands.options import AsJson
from services.laboratory.comparison import Comparison, compare
from services.laboratory.run_folder import open_run

WIDTH: Final = 120


def compare_command(
    one: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    other: Annotated[Path, typer.Argument(help="The folder of another.")],
    as_json: AsJson = False,
) -> None:
    """Tell which settings of two runs differ, and by how much their figures do.

    Example: databourse sim compare before after
    """
    compared = compare(open_run(one), open_run(other))
    if as_json:
        told = {name: [row._asdict() for row in getattr(compared, name)] for name in ROWS}
        typer.echo(json.dumps({"same_events": compared.same_events, **told}, ensure_ascii=False))
    else:
        _show(compared, str(one), str(other))


ROWS: Final = ("settings", "metrics")


def _show(compared: Comparison, one: str, other: str) -> None:
    if compared.same_events:
        typer.echo("the same events, byte for byte")
    for title, rows in (
        ("setting", [[s.name, str(s.one), str(s.other)] for s in compared.settings]),
        (
            "figure",
            [
                [m.name, _number(m.one), _number(m.other), _number(m.difference), _share(m.change)]
                for m in compared.metrics
            ],
        ),
    ):
        if rows:
            Console(width=WIDTH).print(_table([title, one, other, "difference", ""], rows))


def _table(header: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(header[: len(rows[0])]):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:+.1%}"
