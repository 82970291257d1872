"""`databourse listing apply`: make listings what their files say."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from services.client.render import cell, clean, console_for
from services.commands import UsageError
from services.commands.options import AsJson, Data, Token, TokenFile, Url, read_token, refuse_both
from services.commands.suppliers import Supplier, supplier
from services.listing_files.plan import Change, Plan, carry_out, make_plan
from services.listing_files.reading import read_listing_file

app = typer.Typer()


@app.command("apply")
def apply_command(
    files: Annotated[list[Path], typer.Argument(help="Listing files (YAML or JSON).")],
    data: Data = None,
    url: Url = "",
    token: Token = "",
    token_file: TokenFile = None,
    supplier_id: Supplier = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how listings differ from their files, ask, and make them what the files say.

    Changed content becomes a new revision, changed terms an amendment; with `submit: true` the
    draft is handed in for review. Run again, there is nothing to change.

    Example: databourse listing apply examples/iowa-electricity.yaml --data ./gx-data --yes
    """
    refuse_both(data, url)
    wanted = [read_listing_file(path) for path in files]
    said = read_token(token, token_file)
    with supplier(data, url, said, supplier_id, dry_run=dry_run) as speaker:
        plans = [make_plan(speaker.connection, speaker.supplier_id, one) for one in wanted]
        if not as_json:
            for plan in plans:
                _show(plan)
        applied = any(plan.changes for plan in plans) and not dry_run and _agreed(yes=yes)
        if applied:
            assert speaker.connection is not None, "only a dry run does without a market"
            for plan in plans:
                carry_out(speaker.connection, plan)
    _conclude(plans, applied=applied, as_json=as_json)


def _agreed(*, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask; say --yes, or --dry-run to look only")
    return typer.confirm("change it?")


def _show(plan: Plan) -> None:
    console = console_for(sys.stdout)
    changes = plan.changes
    what = "nothing to change" if not changes else "new" if plan.known is None else "to change"
    console.print(clean(f"{plan.wanted.path}: {plan.listing_id}: {what}"))
    for change in changes:
        console.print(_line(change))


def _line(change: Change) -> Text:
    field = change.field.rpartition(".")[2]
    line = Text(f"  {change.field}: ")
    if change.before is not None:
        line.append(clean(cell(field, change.before, {})).plain, style="red")
        line.append(" -> ")
    if change.after is None:
        line.append("(removed)", style="dim")
    else:
        line.append(clean(cell(field, change.after, {})).plain, style="green")
    return line


def _conclude(plans: list[Plan], *, applied: bool, as_json: bool) -> None:
    if as_json:
        told: list[dict[str, Any]] = [
            {
                "file": str(plan.wanted.path),
                "listing_id": plan.listing_id,
                "changes": [change._asdict() for change in plan.changes],
                "applied": applied and bool(plan.changes),
            }
            for plan in plans
        ]
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif applied:
        typer.echo("done")
