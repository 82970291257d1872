"""One durable process: log, runner, audit, read models and gateway on one data folder.

The composition root: the only place that knows all services.
"""

import threading
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from schemas.base import Command
from services.audit.shelf import folder_shelf
from services.audit.store import AuditLoop, AuditStore
from services.clock import Clock
from services.credentials.keys import GrantKeys
from services.credentials.signed import issuer_of
from services.gateway.content import ContentStore
from services.gateway.databases import in_folder, in_postgres
from services.gateway.edge_store import EdgeStore
from services.gateway.exchange import Exchange
from services.gateway.projector_loop import ProjectorLoop
from services.gateway.status_lists import SignedLists
from services.gateway.tokens import TokenStore
from services.gateway.webhooks.loop import WebhookLoop
from services.gateway.webhooks.store import WebhookStore
from services.keys import load_or_make_secret
from services.opening import first_tokens, issue_first_tokens, opening_commands
from services.watch.loop import WatchLoop
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.faults import words
from streams.log import READ_LIMIT_MAX, Stored
from streams.recovery import recorded_until_ms
from streams.runner import CascadeRunner

CATCH_UP_SECONDS: Final = 5.0  # for read models: a caller waits so long who does not ask for more


class Process:
    """Everything behind the edge. `start` recovers and takes up work; `stop` finishes it."""

    def __init__(
        self, folder: Path, venue: str = "gx", *, private_webhooks: bool = False, db: str = ""
    ) -> None:
        """`private_webhooks` lets webhooks go to http and to addresses inside. `db`, a PostgreSQL
        address, keeps read models and tokens there instead of in the folder.
        """
        self.folder = folder
        with ExitStack() as opened:  # what fails here closes what was opened before it
            self._open(opened, venue, private_webhooks, db)
            self._opened = opened.pop_all()

    def _open(self, opened: ExitStack, venue: str, private_webhooks: bool, db: str) -> None:
        folder = self.folder
        self.log = EmbeddedLog(folder, venue)
        opened.callback(self.log.close)
        audit_reader, edge_reader = EmbeddedReader(folder), _LockedReader(folder)
        watch_reader = EmbeddedReader(folder)
        for reader in (audit_reader, edge_reader, watch_reader):
            opened.callback(reader.close)
        self.audit = AuditLoop(AuditStore(folder, folder_shelf(folder), audit_reader))
        opened.callback(self.audit.store.close)
        self.audit.store.check()  # before anything is believed of what the log says
        self.clock = Clock(recorded_until_ms(self.log))
        self.runner = CascadeRunner(self.log, self.clock)
        databases = in_postgres(db, self.log.venue) if db else in_folder(folder)
        opened.callback(databases.close)
        self.reads, self.edge = databases.reads, EdgeStore(databases.edge)
        self.projection = ProjectorLoop(self.reads, EmbeddedReader(folder))
        secret = load_or_make_secret(folder / "keys" / "edge.key")
        self.tokens = TokenStore(self.edge, secret)
        hooks = WebhookStore(self.edge, secret, private=private_webhooks)
        self.webhooks = WebhookLoop(hooks, edge_reader, self.reads, self.clock)
        self.watch = WatchLoop(watch_reader, self.runner)
        for loop in (
            self.audit,
            self.projection,
            self.webhooks,
            self.runner,
            self.watch,
        ):  # stopped in the reverse order
            opened.callback(loop.stop)
        grant_keys = GrantKeys(folder / "keys", self.clock())
        self.exchange = Exchange(
            venue=self.log.venue,
            market=self,
            reads=self.reads,
            log=edge_reader,
            audit=self.audit.store,
            verifier_key=str(self.audit.store.verifier),
            content=ContentStore(folder / "content"),
            edge=self.edge,
            tokens=self.tokens,
            grant_keys=grant_keys,
            status_lists=SignedLists(issuer_of(self.log.venue), grant_keys),
            webhooks=hooks,
            now_ms=self.clock,
        )

    def start(self) -> None:
        self.runner.on_commit = self.projection.wake
        self.projection.catch_up()
        if not self.log.size:
            self.runner.run_now(opening_commands(self.clock()))
            self.projection.catch_up()
        issue_first_tokens(self.tokens, self.folder, self.clock())
        self.runner.start()
        self.projection.start()
        self.audit.start()
        self.webhooks.start()
        self.watch.start()

    def stop(self) -> None:
        """Raises LogError when the runner had failed; all is closed then too."""
        self._opened.close()

    @property
    def shown(self) -> int:
        return self.projection.position

    async def publish(self, command: Command, shown: int, wait_s: float) -> bool:
        """The command and all it causes become durable together, and are shown soon after."""
        size = (await self.runner.submit_async(command)).size
        return await self.projection.reached(size, max(wait_s, CATCH_UP_SECONDS))

    async def rests(self, command_id: str, position: int, wait_s: float) -> bool:
        return await self.projection.reached(self.log.size, max(wait_s, CATCH_UP_SECONDS))

    def faults(self) -> list[str]:
        failures = {
            "runner": self.runner.failure,
            "audit": self.audit.failure,
            "read models": self.projection.failure,
            "webhooks": self.webhooks.failure,
            "watch": self.watch.failure,
        }
        return [f"{name}: {words(error)}" for name, error in failures.items() if error is not None]

    def notices(self) -> list[str]:
        return [notice for notice in (self.clock.notice,) if notice]

    def first_tokens(self) -> dict[str, str]:
        return first_tokens(self.folder)


class _LockedReader(EmbeddedReader):
    """A reader that several threads share."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._turn = threading.Lock()

    @property
    def size(self) -> int:
        with self._turn:
            return super().size

    def read(
        self, start: int, limit: int = READ_LIMIT_MAX, topics: Collection[str] | None = None
    ) -> Sequence[Stored]:
        with self._turn:
            return super().read(start, limit, topics)
