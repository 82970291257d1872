"""`databourse backup`, `databourse restore` and `databourse rebuild`: keeping a market safe."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.audit.checkpoint import read_verifier
from services.commands import Exit
from services.commands.folders import usable
from services.progress import progress
from services.upkeep.backup import back_up, restore
from services.upkeep.rebuild import rebuild

app = typer.Typer()
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("backup")
def backup_command(
    data: Annotated[Path, typer.Option("--data", help="The market's data folder.")],
    out: Annotated[Path, typer.Option("--out", help="A new .tar file, or a folder for it.")],
    as_json: AsJson = False,
) -> None:
    """Copy a market, running or not, into one file: log, checkpoints, tokens, content and keys.

    The file has mode 0600 and holds the signing keys: keep it as safe as the market itself. Read
    models are left out; they are made again from the log.

    Example: databourse backup --data ./gx-data --out ./gx-backup.tar
    """
    with usable(Exit.FINDING):
        path, manifest = back_up(data, out)
    told = {"file": str(path), "records": manifest.records, "files": len(manifest.sha256)}
    _tell(told, f"{path}: {manifest.records} records, {len(manifest.sha256)} files", as_json)


@app.command("restore")
def restore_command(
    file: Annotated[Path, typer.Argument(help="A file made by `databourse backup`.")],
    data: Annotated[Path, typer.Option("--data", help="A folder that is new or empty.")],
    key: Annotated[
        str, typer.Option("--key", help="Verifier key to trust, in place of the backup's own.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a new data folder from a backup, after checking every file and the whole trail.

    Files keep their modes; the folder is its owner's alone (0700). Nothing is left when a check
    fails.

    Example: databourse restore ./gx-backup.tar --data ./gx-restored
    """
    with usable():
        trusted = read_verifier(key) if key else None
    with usable(Exit.FINDING):
        manifest = restore(file, data, trusted)
    told = {"data": str(data), "records": manifest.records, "verified": True}
    _tell(told, f"{data}: {manifest.records} records, verified", as_json)


@app.command("rebuild")
def rebuild_command(
    data: Annotated[Path, typer.Option("--data", help="The stopped market's data folder.")],
    as_json: AsJson = False,
) -> None:
    """Make the audit tree and the read models again from the log, and hold them against the newest
    checkpoint.

    Example: databourse rebuild --data ./gx-data
    """
    with usable(Exit.FINDING), progress("rebuilding", 0, quiet=as_json) as tell:
        rebuilt = rebuild(data, tell)
    told = {
        "records": rebuilt.records,
        "root": rebuilt.root.hex(),
        "checkpoints": rebuilt.checkpoints,
    }
    _tell(told, f"{rebuilt.records} records: tree and read models are made again", as_json)


def _tell(told: dict[str, object], text: str, as_json: bool) -> None:
    typer.echo(json.dumps(told) if as_json else text)
