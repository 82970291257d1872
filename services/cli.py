"""The command line: `databourse COMMAND ...`.

A command is a module in `services.commands` with a typer app named `app`, and a row in `COMMANDS`;
or an operation of the HTTP interface with a row in `services.client.operations`, under its noun.
`BESIDE` adds commands of a module to a noun. A module is imported only when its command is called.
Exit codes: 0 right, 1 a finding or a refusal, 2 usage, 3 not reachable.
"""

import importlib
import sys
from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from services import __version__
from services.client.operations import NOUNS, rows_of, summary_of
from services.commands import UsageError
from services.tuning import expect_few_cycles

COMMANDS: Final = {
    "demo": ("services.commands.demo", "The market in a folder of its own, with traders at work."),
    "serve": ("services.commands.serve", "Run the market: all services in one durable process."),
    "service": ("services.commands.service", "One service of a market on Kafka and PostgreSQL."),
    "cluster": ("services.commands.cluster", "All of a market on Kafka here: start, stop, status."),
    "migrate": ("services.commands.migrate", "Make a cluster ready: topics, tables, the venue."),
    "audit": ("services.commands.audit", "Verify, replay, show, prove and export the trace."),
    "topic": ("services.commands.topic", "List the topics and read the end of one."),
    "dead-letters": ("services.commands.dead_letters", "What services on a cluster put aside."),
    "doctor": ("services.commands.doctor", "Check a data folder or a cluster, running or not."),
    "backup": ("services.commands.backup", "Copy a market, running or not, into one file."),
    "restore": ("services.commands.backup", "Make a data folder from a backup, all of it checked."),
    "rebuild": ("services.commands.backup", "Make tree and read models again from the log."),
    "keys": ("services.commands.keys", "The keys that sign grants: list and rotate them."),
    "ledger": ("services.commands.ledger", "The books: trial balance, statements, export."),
    "watch": ("services.commands.watch", "Show public events as they happen."),
    "catalog": ("services.commands.catalog", "Import and export catalogues (DCAT-US 1.1)."),
    "replay": ("services.commands.replay", "Run recorded auctions or usage through the rules."),
    "sim": ("services.commands.sim", "The simulation laboratory: theory against the rules."),
    "kafka": ("services.commands.kafka", "A local Apache Kafka: start, stop, status."),
    "schema": ("services.commands.schema", "The reference of all messages and interfaces."),
    "postgres": ("services.commands.postgres", "A PostgreSQL on this machine, without Docker."),
    "test": ("services.commands.house", "Run the tests."),
    "check": ("services.commands.house", "Format, lint, types, import rules and quick tests."),
}


REMOTE: Final = "services.commands.remote"
BESIDE: Final = {
    "listing": {"apply": ("services.commands.listing", "Make listings what their files say.")},
    "grant": {
        "download": ("services.commands.download", "Download what a grant opens, and resume it."),
        "verify": ("services.commands.grant", "Check a grant's credential offline."),
    },
}


class _Lazy(TyperGroup):
    """Loads a command when it is called, so that help is fast."""

    example = "databourse demo --for 20"

    def abouts(self) -> Iterable[tuple[str, str]]:
        """Return each command's name with what it does."""
        own = [(name, about) for name, (_, about) in COMMANDS.items()]
        return [*own, *((noun, about) for noun, about in NOUNS.items() if noun not in COMMANDS)]

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name, _ in self.abouts()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            return _from_module(COMMANDS[cmd_name][0], cmd_name)
        return _Noun(cmd_name) if cmd_name in NOUNS else None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.format_usage(ctx, formatter)
        formatter.write_text(self.help or "")
        with formatter.section("Commands (each has --help with an example)"):
            formatter.write_dl(list(self.abouts()))
        records = (param.get_help_record(ctx) for param in self.get_params(ctx))
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record])
        formatter.write_text(f"Example: {self.example}")


class _Noun(_Lazy):
    """The operations on one kind of thing, over HTTP, and what a module adds to them."""

    def __init__(self, noun: str) -> None:
        super().__init__(name=noun, help=NOUNS[noun], no_args_is_help=True)
        self._noun = noun
        self.example = next(iter(rows_of(noun).values())).example

    def abouts(self) -> Iterable[tuple[str, str]]:
        beside = BESIDE.get(self._noun, {})
        own = [(verb, summary_of(row)) for verb, row in rows_of(self._noun).items()]
        return [*own, *((verb, about) for verb, (_, about) in beside.items())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        beside = BESIDE.get(self._noun, {})
        if cmd_name in beside:
            return _from_module(beside[cmd_name][0], cmd_name)
        row = rows_of(self._noun).get(cmd_name)
        return None if row is None else importlib.import_module(REMOTE).command_of(row)


def _from_module(name: str, command: str) -> Any:
    """Return a module's command of that name; the group of all its commands when there is none."""
    group = typer.main.get_group(importlib.import_module(name).app)
    return group.commands.get(command, group)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"databourse {__version__}")
        raise typer.Exit


app = typer.Typer(cls=_Lazy, no_args_is_help=True, pretty_exceptions_show_locals=False)


@app.callback()
def databourse(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell it.")
    ] = False,
) -> None:
    """An event-driven data exchange and its simulator."""


def main(arguments: list[str] | None = None) -> None:
    expect_few_cycles()
    try:
        app(arguments, prog_name="databourse")
    except UsageError as error:
        sys.stderr.write(f"databourse: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
