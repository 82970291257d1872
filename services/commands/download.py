"""`databourse grant download`: what a grant opens, into a file."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.client.download import Download, Wish
from services.commands.options import AsJson, RemoteUrl, Token, TokenFile, read_token
from services.commands.targets import over_network

app = typer.Typer()


@app.command("download")
def download_command(
    grant_id: Annotated[str, typer.Argument(help="The grant.")],
    out: Annotated[Path, typer.Option("--out", help="A file that does not exist yet.")],
    offset: Annotated[int, typer.Option("--offset", min=0, help="From this row on.")] = 0,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="So many rows; else the whole file."),
    ] = None,
    purpose: Annotated[str, typer.Option("--purpose", help="What it is used for.")] = "",
    url: RemoteUrl = "http://127.0.0.1:8321",
    token: Token = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Download what a grant opens, whole or by rows. It is recorded and charged once.

    A line that breaks is taken up where it broke; so is a command that ended, by the same command
    again: what it asked for is kept in OUT.part.json until the file is whole.

    Example: databourse grant download grt_power1 --out iowa.csv
    """
    wanted = {"offset": offset or None, "limit": limit, "purpose": purpose or None}
    body: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    with over_network(url, read_token(token, token_file)) as connection:
        download = Download(connection, out, Wish(grant_id, body))
        size = download.run()
    told = {"out": str(out), "size_bytes": size, "delivered_at": download.wish.place}
    typer.echo(json.dumps(told) if as_json else f"{size:,} bytes in {out}")
