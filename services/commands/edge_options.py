"""Options of every command that serves HTTP: where it listens, and how much it lets in."""

import errno
import socket
from typing import Annotated, Final

import typer

from services.commands import Exit, UsageError
from services.gateway.rate_limit import Quota
from services.gateway.settings import EdgeSettings

DEFAULTS: Final = EdgeSettings()
Port = Annotated[
    int, typer.Option("--port", envvar="DATABOURSE_PORT", help="0 takes any free port.")
]
Host = Annotated[
    str,
    typer.Option("--host", envvar="DATABOURSE_HOST", help="Loopback unless you mean otherwise."),
]
RateLimit = Annotated[str, typer.Option("--rate-limit", help="CALLS/SECONDS of each party.")]
RateLimitAddress = Annotated[
    str, typer.Option("--rate-limit-address", help="CALLS/SECONDS of an address without token.")
]
RateLimitFailed = Annotated[
    str, typer.Option("--rate-limit-failed", help="Wrong tokens/SECONDS of an address.")
]
Proxy = Annotated[
    str,
    typer.Option(
        "--proxy", envvar="DATABOURSE_PROXY", help="Believe X-Forwarded-For from this address."
    ),
]
PrivateWebhooks = Annotated[
    bool, typer.Option("--allow-private-webhooks", help="Let webhooks go to http and inside.")
]
PORT: Final = 8321
HOST: Final = "127.0.0.1"


def _said(quota: Quota) -> str:
    return f"{quota.calls}/{quota.window_s}"


PARTY: Final = _said(DEFAULTS.party)
ADDRESS: Final = _said(DEFAULTS.address)
FAILED: Final = _said(DEFAULTS.failed)


def edge_settings(party: str, address: str, failed: str) -> EdgeSettings:
    return DEFAULTS._replace(party=_quota(party), address=_quota(address), failed=_quota(failed))


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


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _quota(text: str) -> Quota:
    try:
        return Quota.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
