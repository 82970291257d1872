"""A market in one thread, to be watched and hurt at each of its system calls.

Does one thing after another on a prepared folder; says before what it begins and, once it is
durable, what it acknowledges. With `--early` it acknowledges first: what the test must find out.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.commands import Deposit
from services.audit.shelf import folder_shelf
from services.audit.store import AuditStore
from services.gateway.content import ContentStore
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.log import LogBroken
from streams.runner import CascadeRunner
from tests.builders.market import T0
from tests.builders.recorded import HOUR_MS

CSV = b"day,mm\n2024-01-01,1.5\n"
BUYER = "pty_anna"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def deposit(number: int) -> Deposit:
    return Deposit(
        id=f"cmd_chaos{number}",
        at_ms=T0 + HOUR_MS,
        party_id=BUYER,
        operator_id="pty_operator",
        currency="CNY",
        amount_minor=7,
        reference="bank",
    )


@contextmanager
def step(name: str, early: bool, acknowledged: str = "") -> Iterator[Callable[[str], None]]:
    """Say when a step begins and, unless it fails, what it acknowledges."""
    say(f"begin {name}")
    if early and acknowledged:
        say(f"done {name} {acknowledged}")
    yield lambda told: say(f"done {name} {told}")


def main(folder: Path, early: bool) -> None:
    log = EmbeddedLog(folder)
    runner = CascadeRunner(log, lambda: T0 + HOUR_MS)
    reader = EmbeddedReader(folder)
    store = AuditStore(folder, folder_shelf(folder), reader)
    content = ContentStore(folder / "content")
    for number in range(2):
        command = deposit(number)
        with step(f"commit{number}", early, command.id) as done:
            try:
                runner.run_now([command])
            except LogBroken as error:
                say(f"refused {error}")
                refuse_more(runner)
                continue
            done(command.id)
    with step("upload", early) as done:
        done(content.add([CSV], "text/csv").sha256)
    with step("publish", early) as done:
        size = store.integrate()
        store.publish()
        done(str(size))
    with step("close", early) as done:
        store.close()
        reader.close()
        log.close()
        done("all")


def refuse_more(runner: CascadeRunner) -> None:
    try:
        runner.run_now([deposit(9)])
    except LogBroken:
        return
    say("wrong: after a failed commit another was taken")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--early" in sys.argv)
