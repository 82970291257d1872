"""What the gateway needs of the market behind it, whichever log that runs on."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from schemas.base import Command
from schemas.parties import VenueTerms
from services.credentials.keys import GrantKeys
from services.credentials.signed import issuer_of
from services.gateway.content import ContentStore
from services.gateway.edge_store import EdgeStore
from services.gateway.status_lists import SignedLists
from services.gateway.tokens import TokenStore
from services.gateway.trail_search import opened_with
from services.gateway.webhooks.store import WebhookStore
from services.stores.base import Database
from streams.log import LogReader


class Market(Protocol):
    """Takes commands durably and tells when the read models show what became of them."""

    @property
    def shown(self) -> int:
        """Return a position of the log that the read models have reached."""

    async def publish(self, command: Command, shown: int, wait_s: float) -> bool:
        """Make the command durable; wait up to `wait_s` until the read models hold all it caused,
        and return whether they do. Raises LogError: the same may be sent again.

        `shown` is what the read models had reached when the command was not in them.
        """

    async def rests(self, command_id: str, position: int, wait_s: float) -> bool:
        """Wait up to `wait_s` until the read models hold all that the command at this position
        caused, and return whether they do.
        """

    def faults(self) -> list[str]:
        """Return what has stopped working, in words; empty when all is well."""

    def notices(self) -> list[str]:
        """Return what the operator should look at though all works, in words."""


class AuditTrail(Protocol):
    """What the audit service offers at the edge; hashes are 32 bytes."""

    def head(self) -> tuple[int, bytes, bytes]: ...
    def inclusion(self, position: int) -> "Inclusion": ...
    def consistency(self, old_size: int, new_size: int) -> list[bytes]: ...


class Inclusion(Protocol):
    @property
    def body(self) -> bytes: ...
    @property
    def leaf_hash(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...
    @property
    def proof(self) -> list[bytes]: ...
    @property
    def note(self) -> bytes: ...


@dataclass(frozen=True)
class Exchange:
    venue: str
    market: Market
    log: LogReader
    audit: AuditTrail
    verifier_key: str
    content: ContentStore
    reads: Database
    edge: EdgeStore
    tokens: TokenStore
    grant_keys: GrantKeys
    status_lists: SignedLists
    webhooks: WebhookStore
    now_ms: Callable[[], int]

    @property
    def issuer(self) -> str:
        return issuer_of(self.venue)

    @cached_property
    def _terms(self) -> VenueTerms:
        return opened_with(self.log)

    async def terms(self) -> VenueTerms | None:
        """Return what the venue was opened with; None before its opening."""
        with suppress(LookupError):
            return await run_in_threadpool(lambda: self._terms)
        return None

    async def log_size(self) -> int:
        """Return how many records are committed; the log may be far away."""
        return await run_in_threadpool(lambda: self.log.size)

    async def leave(self) -> None:
        """Close what belongs to the running event loop, which ends."""
        for database in {self.reads, self.edge.database}:
            await database.leave()
