"""The command line, one module per command."""

from enum import IntEnum


class Exit(IntEnum):
    RIGHT = 0
    FINDING = 1
    USAGE = 2
    UNREACHABLE = 3
    AGAIN = 75  # the process has to be started again: sysexits' EX_TEMPFAIL


class UsageError(Exception):
    """A command cannot be carried out as asked; the text says why and what to do instead."""

    def __init__(self, text: str, exit_code: Exit = Exit.USAGE) -> None:
        super().__init__(text)
        self.exit_code = int(exit_code)
