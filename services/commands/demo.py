"""`databourse demo`: a market that moves, on real tables, until Ctrl-C."""

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import typer
import uvicorn
from sqlmodel import Session, col, func, select

from services.audit.replay import replay_log
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import verify_log
from services.commands.edge_options import Port, listen
from services.commands.serve import open_process, stop_process
from services.demo.client import TIMEOUT_SECONDS, Client
from services.demo.traders import Traders
from services.demo.world import build
from services.gateway.server import uvicorn_config
from services.gateway.tables import BalanceRow, GrantRow, TradeRow, UsageRow
from services.process import Process
from streams.embedded import EmbeddedReader

app = typer.Typer()


@app.command("demo")
def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="Keep the market in this folder.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", help="End after so many seconds.")
    ] = None,
    port: Port = 8321,
    browser: Annotated[bool, typer.Option(help="Open the address in a browser.")] = True,
    seed: Annotated[int, typer.Option(help="Of the traders' wishes.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Start a market, let traders act in it, say what happens, and verify it all at the end.

    Example: databourse demo --for 20 --port 0 --no-browser
    """
    if data is not None:
        asyncio.run(_run(data, seconds, port, browser, seed, as_json))
        return
    with tempfile.TemporaryDirectory(prefix="databourse-") as folder:
        asyncio.run(_run(Path(folder), seconds, port, browser, seed, as_json))


async def _run(
    folder: Path, seconds: float | None, port: int, browser: bool, seed: int, as_json: bool
) -> None:
    listener = listen("127.0.0.1", port)
    process = open_process(folder)
    picker: dict[str, str] = {}
    server = uvicorn.Server(uvicorn_config(process.exchange, picker=picker))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    say = _sayer(as_json)
    say(f"the market is open at {url} (data in {folder})")
    if browser and _has_screen():
        webbrowser.open(url)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as http:
            await _trade(process, http, say, seconds, seed, serving, picker)
            await process.projection.reached(process.log.size, TIMEOUT_SECONDS)
            report = await asyncio.to_thread(_report, process)
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
        stop_process(process)
    _conclude(report, say, as_json)


async def _trade(
    process: Process,
    http: httpx.AsyncClient,
    say: Any,
    seconds: float | None,
    seed: int,
    serving: "asyncio.Task[None]",
    picker: dict[str, str],
) -> None:
    """Trade until the time is over, Ctrl-C, or a trader's failure, which is raised."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    world = await build(http, process.first_tokens())
    for name, token in world.tokens.items():
        say(f"token of {name:10} {token}")
    picker.update(world.tokens)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    say(
        "traders at work; Ctrl-C ends the demo" if seconds is None else f"trading for {seconds:g} s"
    )
    trading = asyncio.create_task(Traders(world, secrets.token_hex(4), say, seed).trade())
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait(
        {trading, stopped, serving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    for task in (trading, stopped):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await Client(http, "").get("/readyz")
    assert trading not in done, "traders go on until they are cancelled"


def _report(process: Process) -> dict[str, Any]:
    """Read every figure from the running system; verify and replay what it has recorded."""
    process.audit.store.integrate()
    process.audit.store.publish()
    with Session(process.reads.engine) as session:
        modes = session.exec(
            select(TradeRow.mode, func.count()).where(col(TradeRow.settled)).group_by(TradeRow.mode)
        ).all()
        grants = session.exec(select(func.count()).select_from(GrantRow)).one()
        recorded = select(func.count()).where(col(UsageRow.status) == "recorded")
        usage = session.exec(recorded).one()
        sums = session.exec(
            select(func.sum(BalanceRow.balance_minor)).group_by(BalanceRow.currency)
        ).all()
    log = EmbeddedReader(process.folder)
    try:
        verified = verify_log(log, stored_notes(process.folder), stored_verifier(process.folder))
        replayed = replay_log(log)
    finally:
        log.close()
    return {
        "trades": {"free": 0, "metered": 0, "auction": 0, **dict(modes)},
        "grants": grants,
        "usage": usage,
        "ledger_balanced": not any(sums),
        "audit": {
            "size": verified.size,
            "verified": not verified.findings,
            "replayed": not replayed.findings,
        },
    }


def _has_screen() -> bool:
    """Whether a browser would open a window of its own, and not take over the terminal."""
    return sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ


def _sayer(as_json: bool) -> Any:
    """Return a function that tells people what happens; beside JSON it goes to stderr."""

    def say(text: str) -> None:
        typer.echo(text, err=as_json)
        sys.stdout.flush()

    return say


def _conclude(report: dict[str, Any], say: Any, as_json: bool) -> None:
    trades, audit = report["trades"], report["audit"]
    say(
        f"{sum(trades.values())} trades settled: {trades}; "
        f"{report['grants']} grants, {report['usage']} uses"
    )
    say(f"ledger {'balanced' if report['ledger_balanced'] else 'NOT BALANCED'}")
    say(
        f"audit: {audit['size']} records, {'verified' if audit['verified'] else 'NOT VERIFIED'}, "
        f"{'replayed' if audit['replayed'] else 'NOT REPLAYED'}"
    )
    if as_json:
        typer.echo(json.dumps(report))
