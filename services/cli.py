"""The command line: `databourse COMMAND ...`.

A command is a module in `services.commands` with a typer app named `app`, and a row in `COMMANDS`.
A module is imported only when its command is called. Exit codes: 0 right, 1 a finding, 2 usage, 3
not reachable.
"""

import importlib
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from services.commands import UsageError
from services.tuning import expect_few_cycles

COMMANDS: Final = {
    "demo": ("services.commands.demo", "The market in a folder of its own, with traders at work."),
    "serve": ("services.commands.serve", "Run the market: all services in one durable process."),
    "audit": ("services.commands.audit", "Verify, replay, show, prove and export the trace."),
    "doctor": ("services.commands.doctor", "Check a data folder and the market running on it."),
    "backup": ("services.commands.backup", "Copy a market, running or not, into one file."),
    "restore": ("services.commands.backup", "Make a data folder from a backup, all of it checked."),
    "rebuild": ("services.commands.backup", "Make tree and read models again from the log."),
    "grant": ("services.commands.grant", "Check a grant's credential offline."),
    "keys": ("services.commands.keys", "The keys that sign grants: list and rotate them."),
    "ledger": ("services.commands.ledger", "The books: trial balance, statements, export."),
    "catalog": ("services.commands.catalog", "Import and export catalogues (DCAT-US 1.1)."),
    "replay": ("services.commands.replay", "Run recorded auctions or usage through the rules."),
    "test": ("services.commands.house", "Run the tests."),
    "check": ("services.commands.house", "Format, lint, types, import rules and quick tests."),
}


class _Lazy(TyperGroup):
    """Loads a command's module when it is called, so that help is fast."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        group = typer.main.get_group(module.app)
        return group.commands.get(cmd_name, group)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write_text("An event-driven data exchange and its simulator.")
        with formatter.section("Commands (each has --help with an example)"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])
        formatter.write_text("Example: databourse demo --for 20")


app = typer.Typer(cls=_Lazy, no_args_is_help=True, add_completion=False)


@app.callback()
def databourse() -> None:
    """An event-driven data exchange and its simulator."""


def main() -> None:
    expect_few_cycles()
    try:
        app(prog_name="databourse")
    except UsageError as error:
        sys.stderr.write(f"databourse: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
