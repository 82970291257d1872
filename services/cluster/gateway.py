"""The gateway on a cluster: commands go to Kafka, what is shown comes from the venue's trail and
read models in PostgreSQL. Any number of them serve a venue.
"""

import asyncio
import logging
import socket
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import uvicorn

from schemas.base import Command
from services.audit.shared import PostgresShelf
from services.audit.store import AuditReader
from services.clock import Clock
from services.cluster.shell import Quiet as QuietServer
from services.credentials.keys import GrantKeys
from services.credentials.signed import issuer_of
from services.gateway.content import ContentStore
from services.gateway.databases import in_postgres
from services.gateway.edge_store import EdgeStore
from services.gateway.exchange import Exchange
from services.gateway.following import Following
from services.gateway.projector_loop import ProjectorLoop
from services.gateway.server import uvicorn_config
from services.gateway.settings import EdgeSettings
from services.gateway.status_lists import SignedLists
from services.gateway.tokens import TokenStore
from services.gateway.webhooks.loop import WebhookLoop
from services.gateway.webhooks.store import WebhookStore
from services.keys import load_or_make_secret
from streams.faults import words
from streams.kafka.publisher import Publisher
from streams.kafka.settings import KafkaSettings
from streams.postgres import PostgresReader
from streams.recovery import recorded_until_ms

WAIT_FOR_AUDIT_SECONDS: Final = 0.5
log = logging.getLogger("databourse")


class Edge(NamedTuple):
    """What an operator may set where the gateway meets its callers."""

    settings: EdgeSettings
    proxy: str = ""
    private_webhooks: bool = False


class Gateway:
    """`folder` holds keys and content; gateways of a venue share it."""

    def __init__(
        self,
        kafka: KafkaSettings,
        database: str,
        venue: str,
        folder: Path,
        listener: socket.socket,
        edge: Edge,
    ) -> None:
        self._kafka = kafka
        self._database = database
        self._venue = venue
        self._folder = folder
        self._listener = listener
        self._edge = edge
        self._stopping = threading.Event()
        self._server: uvicorn.Server | None = None

    async def run(self) -> None:
        """Raises LogError or StoreError where the cluster or the database cannot be used."""
        async with AsyncExitStack() as opened:
            exchange = await self._open(opened)
            if exchange is None or self._stopping.is_set():
                return
            edge = self._edge
            self._server = QuietServer(uvicorn_config(exchange, edge.settings, edge.proxy))
            await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True

    @property
    def shown(self) -> int:
        return self._projection.position

    async def publish(self, command: Command, shown: int, wait_s: float) -> bool:
        if not wait_s:
            await self._publisher.publish(command)
            return False
        rest = self._following.expect(command.id, shown)
        try:
            await self._publisher.publish(command)
        except BaseException:
            self._following.forget(command.id)
            raise
        return await self._rests(self._following, command.id, rest, wait_s)

    async def rests(self, command_id: str, position: int, wait_s: float) -> bool:
        """Reads for itself: what was sent long ago would hold up those who wait for what is new."""
        if not wait_s:
            return False
        following = Following(self._reader, self._projected)
        return await self._rests(
            following, command_id, following.expect(command_id, position), wait_s
        )

    async def _rests(
        self, following: Following, command_id: str, rest: asyncio.Future[bool], wait_s: float
    ) -> bool:
        try:
            async with asyncio.timeout(wait_s):
                return await rest
        except TimeoutError:
            return False
        finally:
            following.forget(command_id)

    def faults(self) -> list[str]:
        if self._server is None:
            return ["the gateway has not begun yet"]
        failures = {"read models": self._projection.failure, "webhooks": self._webhooks.failure}
        return [f"{name}: {words(error)}" for name, error in failures.items() if error is not None]

    def notices(self) -> list[str]:
        return [notice for notice in (self._clock.notice,) if notice]

    async def _open(self, opened: AsyncExitStack) -> Exchange | None:
        """Return None when told to stop before the audit service has begun."""
        shelf = PostgresShelf(self._database, self._venue)
        opened.callback(shelf.close)
        while (verifier := await asyncio.to_thread(shelf.verifier)) is None:
            log.info("waiting for the audit service of venue %s", self._venue)
            if await asyncio.to_thread(self._stopping.wait, WAIT_FOR_AUDIT_SECONDS):
                return None
        reader = PostgresReader(self._database, self._venue)
        opened.callback(reader.close)
        databases = in_postgres(self._database, self._venue)
        opened.callback(databases.close)
        self._clock = Clock(recorded_until_ms(reader))
        self._projection = ProjectorLoop(
            databases.reads, PostgresReader(self._database, self._venue)
        )
        opened.callback(self._projection.stop)
        self._projection.catch_up()
        self._projection.start()
        secret = load_or_make_secret(self._folder / "keys" / "edge.key")
        edge = EdgeStore(databases.edge)
        hooks = WebhookStore(edge, secret, private=self._edge.private_webhooks)
        self._webhooks = WebhookLoop(hooks, reader, databases.reads, self._clock)
        opened.callback(self._webhooks.stop)
        self._webhooks.start()
        self._reader = reader
        self._following = Following(reader, self._projected)
        self._publisher = Publisher(self._kafka, self._venue)
        await self._publisher.start()
        opened.push_async_callback(self._publisher.stop)
        grant_keys = GrantKeys(self._folder / "keys", self._clock())
        return Exchange(
            venue=self._venue,
            market=self,
            reads=databases.reads,
            log=reader,
            audit=AuditReader(shelf, reader),
            verifier_key=verifier,
            content=ContentStore(self._folder / "content"),
            edge=edge,
            tokens=TokenStore(edge, secret),
            grant_keys=grant_keys,
            status_lists=SignedLists(issuer_of(self._venue), grant_keys),
            webhooks=hooks,
            now_ms=self._clock,
        )

    async def _projected(self) -> int:
        return self._projection.position
