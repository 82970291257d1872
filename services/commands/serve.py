"""`databourse serve`: the market as one durable process."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from services.commands import Exit
from services.commands.edge_options import (
    ADDRESS,
    FAILED,
    HOST,
    PARTY,
    PORT,
    Host,
    Port,
    PrivateWebhooks,
    Proxy,
    RateLimit,
    RateLimitAddress,
    RateLimitFailed,
    address_of,
    edge_settings,
    listen,
)
from services.commands.folders import usable
from services.commands.options import Data, data_folder
from services.gateway.server import uvicorn_config
from services.process import Process

app = typer.Typer()


@app.command("serve")
def serve(
    data: Data = None,
    port: Port = PORT,
    host: Host = HOST,
    rate_limit: RateLimit = PARTY,
    rate_limit_address: RateLimitAddress = ADDRESS,
    rate_limit_failed: RateLimitFailed = FAILED,
    proxy: Proxy = "",
    private_webhooks: PrivateWebhooks = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell the address as JSON.")] = False,
) -> None:
    """Run all services on one data folder until stopped by Ctrl-C or SIGTERM.

    Example: databourse serve --data ./gx-data --port 8321
    """
    settings = edge_settings(rate_limit, rate_limit_address, rate_limit_failed)
    folder = data_folder(data)
    listener = listen(host, port)
    process = open_process(folder, private_webhooks=private_webhooks)
    url = address_of(listener)
    tokens = str(folder / "first-tokens.json")
    if as_json:
        typer.echo(json.dumps({"url": url, "tokens": tokens}))
    else:
        typer.echo(f"databourse serves {folder} at {url}; the first tokens are in {tokens}")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn_config(process.exchange, settings, proxy))
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it again once it has closed
        signal.signal(number, lambda *_: None)
    try:
        server.run(sockets=[listener])
    finally:
        stop_process(process)


def open_process(data: Path, *, private_webhooks: bool = False) -> Process:
    """Return the market at work. Raises UsageError that says what to do when the folder cannot be
    used.
    """
    with usable():
        process = Process(data, private_webhooks=private_webhooks)
        try:
            process.start()
        except BaseException:
            process.stop()
            raise
    return process


def stop_process(process: Process) -> None:
    """Raises UsageError when the market had failed before."""
    with usable(Exit.FINDING):
        process.stop()
