"""`databourse keys`: the keys that sign grants: list them, and sign with a new one."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from schemas.envelope import iso_time
from services.commands import Exit, UsageError
from services.credentials.keys import GrantKeys
from services.keys import KeyFileError

app = typer.Typer(help="The keys that sign grants.", no_args_is_help=True)
Data = Annotated[Path, typer.Option("--data", help="The market's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_command(data: Data, as_json: AsJson = False) -> None:
    """List the public keys, newest first: grants signed with any of them verify.

    Example: databourse keys list --data ./gx-data
    """
    _tell(_keys(data), as_json)


@app.command("rotate")
def rotate_command(data: Data, as_json: AsJson = False) -> None:
    """Sign grants with a new key from now on; works while the market runs.

    The old private key is deleted, its public half kept, so older grants still verify.

    Example: databourse keys rotate --data ./gx-data
    """
    keys = _keys(data)
    keys.rotate(_now_ms())
    _tell(keys, as_json)


def _tell(keys: GrantKeys, as_json: bool) -> None:
    current = keys.current.kid
    shown = [
        {"kid": key.kid, "created": iso_time(key.created_ms), "signs": key.kid == current}
        for key in keys.public
    ]
    if as_json:
        typer.echo(json.dumps({"keys": shown}))
        return
    for key in shown:
        state = "signs" if key["signs"] else "retired, its grants still verify"
        typer.echo(f"{key['kid']}  {key['created']}  {state}")


def _keys(data: Path) -> GrantKeys:
    if not (data / "keys" / "edge.key").exists():  # every market has one, on a cluster too
        text = f"{data} holds no market's keys: there is no keys/edge.key in it"
        raise UsageError(text, Exit.UNREACHABLE)
    try:
        return GrantKeys(data / "keys", _now_ms())
    except (KeyFileError, OSError) as error:
        raise UsageError(str(error), Exit.FINDING) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
