"""`databourse serve`: the market as one durable process."""

import errno
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from services.commands import Exit, UsageError
from services.commands.folder import usable
from services.gateway.app import create_app
from services.process import Process

app = typer.Typer()
Port = Annotated[int, typer.Option("--port", help="0 takes any free port.")]


@app.command("serve")
def serve(
    data: Annotated[Path, typer.Option("--data", help="The data folder; made when missing.")],
    port: Port = 8321,
    host: Annotated[
        str, typer.Option("--host", help="Loopback unless you mean otherwise.")
    ] = "127.0.0.1",
    as_json: Annotated[bool, typer.Option("--json", help="Tell the address as JSON.")] = False,
) -> None:
    """Run all services on one data folder until stopped by Ctrl-C or SIGTERM.

    Example: databourse serve --data ./gx-data --port 8321
    """
    listener = listen(host, port)
    process = open_process(data)
    url = f"http://{host}:{listener.getsockname()[1]}"
    tokens = str(data / "first-tokens.json")
    if as_json:
        typer.echo(json.dumps({"url": url, "tokens": tokens}))
    else:
        typer.echo(f"databourse serves {data} at {url}; the first tokens are in {tokens}")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn_config(process))
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it again once it has closed
        signal.signal(number, lambda *_: None)
    try:
        server.run(sockets=[listener])
    finally:
        stop_process(process)


def open_process(data: Path) -> Process:
    """Return the market at work. Raises UsageError that says what to do when the folder cannot be
    used.
    """
    with usable():
        process = Process(data)
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


def uvicorn_config(process: Process) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(process.exchange),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=2_000,
    )
