"""What every process of the cluster has around its work: signals, an address that tells of its
health, and an exit code for its supervisor.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.commands import Exit
from streams.faults import words
from streams.log import LogError

log = logging.getLogger("databourse")


class Work(Protocol):
    """What a process does. `run` returns after `stop`, or raises when it must be started again."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...

    def faults(self) -> list[str]:
        """Return what keeps it from its work just now, in words; empty when all is well."""


def run(name: str, make: Callable[[], Work], health: socket.socket | None) -> None:
    """Do the work until SIGTERM or SIGINT. Ends the process with `Exit.AGAIN` when it has to be
    started again: nothing that a failed commit left behind is used any more.
    """
    tell_on_stderr(name)
    asyncio.run(_run(name, make, health))


def tell_on_stderr(name: str) -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format=f"%(asctime)s {name} %(levelname)s %(message)s",
    )
    for chatty in ("aiokafka", "kafka", "faust", "mode"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


async def _run(name: str, make: Callable[[], Work], health: socket.socket | None) -> None:
    with _or_again(name):
        work = make()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.stop)
        async with serving(work, health):
            with _or_again(name):  # before anything is closed, which may take for ever
                await work.run()


@contextmanager
def _or_again(name: str) -> Iterator[None]:
    try:
        yield
    except (LogError, OSError, TimeoutError) as error:
        log.error("%s: %s; it has to be started again", name, words(error))
        _end(Exit.AGAIN)
    except (Exception, asyncio.CancelledError):  # the edge: a client may cancel what it awaits
        log.exception("%s: it has to be started again", name)
        _end(Exit.AGAIN)


@asynccontextmanager
async def serving(work: Work, health: socket.socket | None) -> AsyncIterator[None]:
    """Tell of the work's health while inside: /healthz, /readyz and /metrics."""
    if health is None:
        yield
        return
    server = Quiet(uvicorn.Config(health_app(work), log_level="error", access_log=False))
    task = asyncio.create_task(server.serve(sockets=[health]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def health_app(work: Work) -> Starlette:
    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        faults = work.faults()
        if faults:
            return JSONResponse({"status": "not_ready", "detail": "; ".join(faults)}, 503)
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    )


async def metrics(request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class Quiet(uvicorn.Server):
    """Leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _end(code: Exit) -> None:
    """End at once: a client of the cluster could wait long for answers while it closes."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
