"""Options that several commands have: which market, who speaks, how the answer is told."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.topics import PARTITION_OF_VENUE
from services.commands import UsageError

DEFAULT_DATA: Final = Path("databourse-data")
Url = Annotated[str, typer.Option("--url", envvar="DATABOURSE_URL", help="The market's address.")]
RemoteUrl = Annotated[
    str,
    typer.Option("--url", envvar="DATABOURSE_URL", show_envvar=True, help="The market's address."),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="DATABOURSE_TOKEN",
        show_envvar=True,
        show_default=False,
        help="The caller's token.",
    ),
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="A file that holds the token alone.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="A data folder [default: $DATABOURSE_DATA or ./databourse-data]."),
]
TrailData = Annotated[
    Path | None, typer.Option("--data", help="The market's data folder; or give --db.")
]
DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--db",
        envvar="DATABOURSE_DB",
        show_default=False,
        help="PostgreSQL: postgresql://USER[:PASSWORD]@HOST:PORT/NAME.",
    ),
]
Venue = Annotated[
    str,
    typer.Option(
        "--venue", envvar="DATABOURSE_VENUE", help=f"One of {', '.join(PARTITION_OF_VENUE)}."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def data_folder(given: Path | None) -> Path:
    return given or Path(os.environ.get("DATABOURSE_DATA") or DEFAULT_DATA)


def refuse_both(data: Path | None, url: str) -> None:
    """Raises UsageError when both were typed; an address in the environment gives way."""
    if data is not None and url != os.environ.get("DATABOURSE_URL", ""):
        raise UsageError("give --data or --url, not both")


def read_token(token: str, token_file: Path | None) -> str:
    """Return the token of the option or the file. It is never told back to anyone."""
    if token_file is None:
        return token
    try:
        return token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token file {token_file} cannot be read: {error}") from error
