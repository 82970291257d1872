"""`databourse grant verify`: does a grant's credential hold? Offline, with the public key alone."""

import json
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.envelope import iso_time
from services.commands import Exit, UsageError
from services.commands.times import read_time
from services.credentials.check import Verdict, check
from services.credentials.keys import read_public
from services.credentials.signed import issuer_of
from services.keys import KeyFileError

app = typer.Typer(help="Check grants.", no_args_is_help=True)
FILE_BYTES_MAX: Final = 1024 * 1024


@app.callback()
def grant() -> None:
    """Check grants."""


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(help="The credential: /v1/grants/GRANT/credential.")],
    key: Annotated[
        Path, typer.Option("--key", help="Public keys: PEM, or the JWK set of /v1/keys.")
    ],
    status_list: Annotated[
        list[Path] | None,
        typer.Option("--status-list", help="From /v1/status-lists/PURPOSE/NUMBER; repeatable."),
    ] = None,
    at: Annotated[str, typer.Option("--at", help="RFC 3339 or epoch ms; now if not given.")] = "",
    issuer: Annotated[str, typer.Option("--issuer", help="Who must have issued it.")] = issuer_of(
        "gx"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check signature, issuer, times and status of a grant, with no market at hand.

    A status that no list is given for is not checked, and the answer says so.

    Example: databourse grant verify grant.jwt --key keys.json --status-list revocation.jwt
    """
    try:
        keys = read_public(_text(key))
    except KeyFileError as error:
        raise UsageError(f"{key}: {error}") from error
    at_ms = read_time(at) if at else time.time_ns() // 1_000_000
    lists = [_text(path) for path in status_list or ()]
    verdict = check(_text(file), lists, keys, issuer, at_ms)
    if as_json:
        told = {"valid": not verdict.findings, "at": iso_time(at_ms), **verdict._asdict()}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _tell(verdict, at_ms)
    raise typer.Exit(Exit.FINDING if verdict.findings else Exit.RIGHT)


def _tell(verdict: Verdict, at_ms: int) -> None:
    for finding in verdict.findings:
        typer.echo(f"wrong: {finding}")
    if verdict.credential:
        subject = verdict.credential.get("credentialSubject")
        holder = subject.get("id") if isinstance(subject, dict) else None
        typer.echo(f"{verdict.credential.get('id')} for {holder}, signed with key {verdict.kid}")
    for purpose, state in verdict.status.items():
        typer.echo(f"{purpose}: {state}")
    typer.echo(f"at {iso_time(at_ms)} the grant {'DOES NOT HOLD' if verdict.findings else 'holds'}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise UsageError(f"{path} is larger than {FILE_BYTES_MAX} bytes; it cannot be one")
        return content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
