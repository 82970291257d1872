"""`databourse watch`: public events as they happen, taken up where a broken connection ended."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final

import httpx2 as httpx
import typer

from services.client.connection import ATTEMPTS_MAX, FIRST_PAUSE_SECONDS, Connection
from services.client.events import Happening, happenings
from services.client.render import cell, clean
from services.commands import Exit, UsageError
from services.commands.options import AsJson, RemoteUrl, Token, TokenFile, read_token
from services.commands.targets import over_network

app = typer.Typer()
SILENCE_SECONDS_MAX: Final = 60.0  # the market says every 15 that it is there


@app.command("watch")
def watch(
    url: RemoteUrl = "http://127.0.0.1:8321",
    token: Token = "",
    token_file: TokenFile = None,
    after: Annotated[
        int | None, typer.Option("--after", min=-1, help="From this position on; -1 is the start.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="End after so many seconds.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after so many events.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show public events as they happen: bids, auctions, listings, trades.

    Each line begins with the position to go on from with --after; with --json it is one object.

    Example: databourse watch --after -1 --for 5
    """
    end_s = None if seconds is None else time.monotonic() + seconds
    with over_network(url, read_token(token, token_file)) as connection:
        for number, happening in enumerate(_follow(connection, after, end_s), start=1):
            typer.echo(_line(happening, as_json=as_json))
            if number == count:
                return


def _follow(connection: Connection, after: int | None, end_s: float | None) -> Iterator[Happening]:
    """Yield events until the time is over. A stream that breaks off is opened again behind the last
    event; UsageError when that fails several times running.
    """
    failures = 0
    while failures < ATTEMPTS_MAX:
        left_s = SILENCE_SECONDS_MAX if end_s is None else end_s - time.monotonic()
        if left_s <= 0:
            return
        query = {} if after is None else {"after": after}
        try:
            silence_s = min(left_s, SILENCE_SECONDS_MAX)
            with connection.stream("GET", "/v1/stream", query=query, silence_s=silence_s) as answer:
                for happening in happenings(answer.iter_lines()):
                    if happening is not None:
                        failures, after = 0, happening.position
                        yield happening
                    if end_s is not None and time.monotonic() >= end_s:
                        return
        except httpx.TransportError as error:
            if end_s is not None and time.monotonic() >= end_s:
                return
            failure: Exception = error
        else:
            failure = EOFError("the market ended the stream")
        failures += 1
        time.sleep(FIRST_PAUSE_SECONDS * 2**failures)
    raise UsageError(
        f"the stream is lost ({failure}); go on with --after {after}", Exit.UNREACHABLE
    )


def _line(happening: Happening, *, as_json: bool) -> str:
    if as_json:
        told: dict[str, Any] = {"position": happening.position, **happening.data}
        return json.dumps(told, ensure_ascii=False)
    fields = {name: value for name, value in happening.data.items() if name != "type"}
    words = [f"{name}={cell(name, value, fields)}" for name, value in fields.items() if value]
    return clean(f"{happening.position}  {happening.type}  {'  '.join(words)}").plain
