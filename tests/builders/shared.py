"""One server for all workers of a test run: the first starts it, the last to go stops it."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def shared(
    factory: pytest.TempPathFactory,
    name: str,
    start: Callable[[], str],
    stop: Callable[[str], None],
) -> Iterator[str]:
    """Yield what `start` told of the server; `stop` gets it back."""
    run = factory.getbasetemp()
    run = run.parent if run.name.startswith("popen-") else run  # above the folders of the workers
    told = run / name
    with _users(told) as users:
        if not users:
            told.write_text(start())
        users.append(None)
        place = told.read_text()
    try:
        yield place
    finally:
        with _users(told) as users:
            users.pop()
            if not users:
                stop(place)


@contextmanager
def _users(told: Path) -> Iterator[list[None]]:
    """Yield as many as use the server now, under a lock; their number is kept."""
    with told.with_suffix(".users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users: list[None] = [None] * int(file.read() or 0)
        yield users
        file.truncate(0)
        file.write(str(len(users)))
