"""One durable process: log, runner, audit, read models and gateway on one data folder.

The composition root: the only place that knows all services.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from schemas.base import Command
from schemas.commands import ApproveParty, OpenVenue, RegisterParty, SetCalendar, VerifyParty
from schemas.parties import PartyKind, Role, VenueTerms
from services.audit.store import AuditLoop, AuditStore
from services.clock import Clock
from services.credentials.keys import GrantKeys
from services.credentials.signed import issuer_of
from services.database import StoreError
from services.files import write_whole
from services.founding import FIRST_PARTIES
from services.gateway.content import ContentStore
from services.gateway.edge_store import EdgeStore
from services.gateway.exchange import Exchange
from services.gateway.projector import Projector
from services.gateway.status_lists import SignedLists
from services.gateway.tokens import Principal, TokenStore
from services.gateway.webhooks.loop import WebhookLoop
from services.gateway.webhooks.store import WebhookStore
from services.keys import load_or_make_secret
from services.workdays import load_calendar
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.faults import DATABASE_FAULTS, words
from streams.log import READ_LIMIT_MAX, Stored
from streams.recovery import recorded_until_ms
from streams.runner import CascadeRunner

READ_MODELS_NAME: Final = (
    "read-models-2.sqlite3"  # a new number when the tables change: it is rebuilt
)
READ_MODELS_MEND: Final = "stop the market and run `databourse rebuild`"
TOKENS_NAME: Final = "first-tokens.json"
PROJECT_RECORDS_MAX: Final = 2_000
DEFAULT_TERMS: Final = VenueTerms(
    currencies=("CNY", "USD"), buyer_fee_bps=100, seller_fee_bps=200, verification_required=True
)

log = logging.getLogger("databourse")


class Process:
    """Everything behind the edge. `start` recovers and takes up work; `stop` finishes it."""

    def __init__(self, folder: Path, venue: str = "gx", *, private_webhooks: bool = False) -> None:
        """`private_webhooks` lets webhooks go to http and to addresses inside."""
        self.folder = folder
        with ExitStack() as opened:  # what fails here closes what was opened before it
            self._open(opened, venue, private_webhooks)
            self._opened = opened.pop_all()

    def _open(self, opened: ExitStack, venue: str, private_webhooks: bool) -> None:
        folder = self.folder
        self.log = EmbeddedLog(folder, venue)
        opened.callback(self.log.close)
        audit_reader, edge_reader = EmbeddedReader(folder), _LockedReader(folder)
        opened.callback(audit_reader.close)
        opened.callback(edge_reader.close)
        self.audit = AuditLoop(AuditStore(folder, audit_reader, self.log.venue))
        opened.callback(self.audit.store.close)
        self.audit.store.check()  # before anything is believed of what the log says
        self.clock = Clock(recorded_until_ms(self.log))
        self.runner = CascadeRunner(self.log, self.clock)
        self.engine = read_engine(folder)
        opened.callback(self.engine.dispose)
        self.projection = ProjectorLoop(folder, self.engine)
        self.edge = EdgeStore(folder)
        opened.callback(self.edge.close)
        secret = load_or_make_secret(folder / "keys" / "edge.key")
        self.tokens = TokenStore(self.edge, secret)
        hooks = WebhookStore(self.edge, secret, private=private_webhooks)
        self.webhooks = WebhookLoop(hooks, edge_reader, self.engine, self.clock)
        for loop in (
            self.audit,
            self.projection,
            self.webhooks,
            self.runner,
        ):  # stopped in the reverse order
            opened.callback(loop.stop)
        grant_keys = GrantKeys(folder / "keys", self.clock())
        self.exchange = Exchange(
            venue=self.log.venue,
            market=self,
            engine=self.engine,
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
            self._open_venue()
        if not (self.folder / TOKENS_NAME).exists():
            self._issue_first_tokens()
        self.runner.start()
        self.projection.start()
        self.audit.start()
        self.webhooks.start()

    def stop(self) -> None:
        """Raises LogError when the runner had failed; all is closed then too."""
        self._opened.close()

    async def publish(self, command: Command) -> int:
        return (await self.runner.submit_async(command)).size

    async def caught_up(self, size: int, wait_s: float) -> bool:
        return await self.projection.reached(size, wait_s)

    def faults(self) -> list[str]:
        failures = {
            "runner": self.runner.failure,
            "audit": self.audit.failure,
            "read models": self.projection.failure,
            "webhooks": self.webhooks.failure,
        }
        return [f"{name}: {words(error)}" for name, error in failures.items() if error is not None]

    def notices(self) -> list[str]:
        return [notice for notice in (self.clock.notice,) if notice]

    def first_tokens(self) -> dict[str, str]:
        """Return the operator's and regulator's first tokens by role, as kept in the data
        folder.
        """
        tokens: dict[str, str] = json.loads((self.folder / TOKENS_NAME).read_text())
        return tokens

    def _open_venue(self) -> None:
        """A new folder gets its venue's terms, the calendar, an operator and a regulator."""
        now_ms = self.clock()
        operator_id = FIRST_PARTIES[Role.OPERATOR][0]
        commands: list[Command] = [
            OpenVenue(
                id="cmd_open_venue", at_ms=now_ms, operator_id=operator_id, terms=DEFAULT_TERMS
            ),
            SetCalendar(
                id="cmd_set_calendar",
                at_ms=now_ms,
                operator_id=operator_id,
                calendar=load_calendar(),
            ),
        ]
        for role, (party_id, name) in FIRST_PARTIES.items():
            commands += [
                RegisterParty(
                    id=party_id, at_ms=now_ms, name=name, kind=PartyKind.ENTERPRISE, roles=(role,)
                ),
                VerifyParty(
                    id=f"cmd_verify_{role}",
                    at_ms=now_ms,
                    party_id=party_id,
                    operator_id=operator_id,
                    method="opening of the venue",
                    evidence=TOKENS_NAME,
                ),
                ApproveParty(
                    id=f"cmd_approve_{role}",
                    at_ms=now_ms,
                    party_id=party_id,
                    operator_id=operator_id,
                ),
            ]
        self.runner.run_now(commands)
        self.projection.catch_up()

    def _issue_first_tokens(self) -> None:
        tokens = {
            role.value: self.tokens.issue(
                Principal(party_id, role, token_id=f"tok_first_{role}"), self.clock()
            )
            for role, (party_id, _) in FIRST_PARTIES.items()
        }
        write_whole(self.folder / TOKENS_NAME, json.dumps(tokens).encode())


class ProjectorLoop:
    """Keeps the read models behind the log, in a thread of its own."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.failure: BaseException | None = None
        self._folder = folder
        with telling_of_read_models(folder):
            self._projector = Projector(engine)
        self._reader = EmbeddedReader(folder)
        self._wake = threading.Event()
        self._stopping = False
        self._waiting: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._reader.close()

    def wake(self, size: int) -> None:
        self._wake.set()

    def catch_up(self) -> None:
        """Project all there is, and tell who waited for it. Raises StoreError."""
        if self._projector.position > self._reader.size:
            raise StoreError(f"the read models are ahead of the log; {READ_MODELS_MEND}")
        while stored := self._reader.read(self._projector.position, PROJECT_RECORDS_MAX):
            with telling_of_read_models(self._folder):
                position = self._projector.project(stored)
            with self._turn:
                ready = [waiter for waiter in self._waiting if waiter[0] <= position]
                self._waiting = [waiter for waiter in self._waiting if waiter[0] > position]
            for _, loop, reached in ready:
                loop.call_soon_threadsafe(reached.set)

    async def reached(self, size: int, wait_s: float) -> bool:
        reached = asyncio.Event()
        with self._turn:
            if self._projector.position >= size:
                return True
            if self.failure is not None:
                return False
            self._waiting.append((size, asyncio.get_running_loop(), reached))
        try:
            await asyncio.wait_for(reached.wait(), wait_s)
        except TimeoutError:
            return False
        return True

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.wait()
                self._wake.clear()
                self.catch_up()
        except Exception as error:  # the edge: readiness tells of it
            self.failure = error
            log.error("read models: they stand still: %s", words(error))


@contextmanager
def telling_of_read_models(folder: Path) -> Iterator[None]:
    """Turn a database's errors into a StoreError that says what to do."""
    try:
        yield
    except (DBAPIError, *DATABASE_FAULTS) as error:
        raise StoreError(
            f"{folder / READ_MODELS_NAME} cannot be used: {words(error)}; {READ_MODELS_MEND}"
        ) from error


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


def read_engine(folder: Path) -> Engine:
    """Return the read models' engine. What they hold can be made again from the log."""
    engine = create_engine(f"sqlite:///{folder / READ_MODELS_NAME}")

    @event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 10000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
