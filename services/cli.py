"""The command line: `databourse COMMAND ...`.

A command is a module in `services.commands` with a typer app named `app`, and a row in `COMMANDS`. A
module is imported only when its command is called. Exit codes: 0 right, 1 a finding, 2 usage, 3 not
reachable.
"""

import importlib
import sys
from typing import Final

import click
import typer

from services.commands import UsageError

COMMANDS: Final = {
    "demo": ("services.commands.demo", "The market in a folder of its own, with traders at work."),
    "serve": ("services.commands.serve", "Run the market: all services in one durable process."),
    "audit": ("services.commands.audit", "Verify, replay, show, prove and export the audit trace."),
    "replay": ("services.commands.replay", "Run recorded auctions or usage through the same rules."),
    "test": ("services.commands.house", "Run the tests."),
    "check": ("services.commands.house", "Format, lint, types, import rules and quick tests."),
}


class _Lazy(click.Group):
    """Loads a command's module when it is called, so that help is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        group = typer.main.get_group(importlib.import_module(COMMANDS[name][0]).app)
        return group.commands.get(name, group)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


cli = _Lazy(
    name="databourse",
    help="An event-driven data exchange and its simulator.\n\nExample: databourse demo --for 20",
    no_args_is_help=True,
)


def main() -> None:
    try:
        cli(prog_name="databourse")
    except UsageError as error:
        sys.stderr.write(f"databourse: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
