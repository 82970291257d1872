"""`databourse serve`: the market as one durable process."""

import errno
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
import uvicorn

from services.commands import Exit, UsageError
from services.commands.folders import usable
from services.commands.options import Data, data_folder
from services.gateway.app import create_app
from services.gateway.protocol import PatientProtocol
from services.gateway.rate_limit import Quota
from services.gateway.settings import EdgeSettings
from services.process import Process

app = typer.Typer()
Port = Annotated[int, typer.Option("--port", help="0 takes any free port.")]
DEFAULTS: Final = EdgeSettings()
CONNECTIONS_MAX: Final = 2_000


def _said(quota: Quota) -> str:
    return f"{quota.calls}/{quota.window_s}"


@app.command("serve")
def serve(
    data: Data = None,
    port: Port = 8321,
    host: Annotated[
        str, typer.Option("--host", help="Loopback unless you mean otherwise.")
    ] = "127.0.0.1",
    rate_limit: Annotated[
        str, typer.Option("--rate-limit", help="CALLS/SECONDS of each party.")
    ] = _said(DEFAULTS.party),
    rate_limit_address: Annotated[
        str, typer.Option("--rate-limit-address", help="CALLS/SECONDS of an address without token.")
    ] = _said(DEFAULTS.address),
    rate_limit_failed: Annotated[
        str, typer.Option("--rate-limit-failed", help="Wrong tokens/SECONDS of an address.")
    ] = _said(DEFAULTS.failed),
    proxy: Annotated[
        str, typer.Option("--proxy", help="Believe X-Forwarded-For from this address.")
    ] = "",
    private_webhooks: Annotated[
        bool,
        typer.Option("--allow-private-webhooks", help="Let webhooks go to http and inside."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell the address as JSON.")] = False,
) -> None:
    """Run all services on one data folder until stopped by Ctrl-C or SIGTERM.

    Example: databourse serve --data ./gx-data --port 8321
    """
    settings = DEFAULTS._replace(
        party=_quota(rate_limit),
        address=_quota(rate_limit_address),
        failed=_quota(rate_limit_failed),
    )
    folder = data_folder(data)
    listener = listen(host, port)
    process = open_process(folder, private_webhooks=private_webhooks)
    url = f"http://{host}:{listener.getsockname()[1]}"
    tokens = str(folder / "first-tokens.json")
    if as_json:
        typer.echo(json.dumps({"url": url, "tokens": tokens}))
    else:
        typer.echo(f"databourse serves {folder} at {url}; the first tokens are in {tokens}")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn_config(process, settings, proxy))
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


def listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} is in use; choose another with --port, or 0 for any free one",
                Exit.USAGE,
            ) from error
        raise UsageError(f"cannot listen on {host}:{port}: {error}") from error
    return listener


def uvicorn_config(
    process: Process, settings: EdgeSettings | None = None, proxy: str = ""
) -> uvicorn.Config:
    """`proxy` is the address whose X-Forwarded-For is believed; none by default."""
    return uvicorn.Config(
        create_app(process.exchange, settings),
        http=PatientProtocol,
        ws="none",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=CONNECTIONS_MAX,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        server_header=False,
    )


def _quota(text: str) -> Quota:
    try:
        return Quota.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
