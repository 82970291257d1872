"""Progress for people: a bar on a terminal, plain lines elsewhere, both on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import Progress

LINE_EVERY_SECONDS: Final = 2.0


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with how much is done so far."""
    if quiet:
        yield lambda done: None
    elif sys.stderr.isatty():
        with Progress(console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(what, total=total)
            yield lambda done: bars.update(bar, completed=done)
    else:
        yield _lines(what, total)


def _lines(what: str, total: int) -> Callable[[int], None]:
    last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY_SECONDS:
            last = time.monotonic()
            sys.stderr.write(f"{what}: {done:,} of {total:,}\n")

    return tell
