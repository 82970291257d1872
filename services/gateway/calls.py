"""One call at the edge: who speaks, whether they may, and a command sent exactly once."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy import Connection
from sqlmodel import Session, SQLModel
from starlette.concurrency import run_in_threadpool

from schemas.base import Command
from schemas.ids import derive_id, make_id
from schemas.parties import Role
from services.gateway.access import ACCESS, PUBLIC, SEES_ALL, UNSCOPED
from services.gateway.edge_store import Answer
from services.gateway.exchange import Exchange
from services.gateway.guard import SAFE, is_upload
from services.gateway.problems import Problem, key_reused, refusal_problem, token_missing
from services.gateway.projector import digest
from services.gateway.rows import look_up
from services.gateway.tables import CommandRow
from services.gateway.tokens import Principal, scope_of
from services.stores.base import worked_out
from streams.log import LogError
from streams.runner import Overloaded

RowT = TypeVar("RowT", bound=SQLModel)
WAIT_SECONDS_MAX: Final = 30.0
SETTLE_SECONDS: Final = 5.0  # how long a caller waits who asked for what must be settled first
ID_LENGTHS: Final = range(5, 65)  # of `schemas.base.Id`
_WAIT: Final = re.compile(r"wait=(\d{1,4})")


class Call:
    """The exchange as this caller may use it."""

    def __init__(self, request: Request, principal: Principal | None) -> None:
        self.exchange: Exchange = request.app.state.exchange
        self.at_ms = self.exchange.now_ms()
        self.path: str = request.scope["route"].path
        self._url = request.url.path
        self._principal = principal
        self._key = request.headers.get("idempotency-key", "")
        waited = _WAIT.search(request.headers.get("prefer", ""))
        self._wait_s = min(float(waited[1]), WAIT_SECONDS_MAX) if waited else 0.0

    @property
    def party_id(self) -> str:
        return self.principal.party_id

    @property
    def principal(self) -> Principal:
        if self._principal is None:
            raise token_missing()
        return self._principal

    @property
    def speaks(self) -> bool:
        """Whether the caller has said who they are."""
        return self._principal is not None

    @property
    def sees_all(self) -> bool:
        return self._principal is not None and self._principal.role in SEES_ALL

    def owns(self, *party_ids: str) -> None:
        """Raises Problem 403 unless the caller is one of these parties, or may see everybody's."""
        if not self.sees_all and self.party_id not in party_ids:
            raise Problem(403, "not_owner", "This belongs to another party.")

    def id(self, role: str) -> str:
        """Return the id this call's command always has: derived from caller, route and key."""
        return make_id(role, self.party_id, self._url, self._key)

    async def once(self, wish: Any, act: Callable[[Connection, str], Answer]) -> Answer:
        """Carry out a call that concerns the edge alone; the same again gives the stored answer.

        `act` gets a database in a transaction and the id of the call; its answer must hold no
        secret. Raises Problem 422 when the key came with another wish before.
        """
        call_id = self.id("cmd")
        content = json.dumps(wish, sort_keys=True).encode()
        return await run_in_threadpool(
            self.exchange.edge.once,
            call_id,
            hashlib.sha256(content).hexdigest()[:32],
            self.at_ms,
            lambda db: act(db, call_id),
        )

    @staticmethod
    def derived(command_id: str, role: str) -> str:
        return derive_id(command_id, role)

    async def find(self, table: type[RowT], key: str) -> RowT | None:
        values = await self.exchange.reads.ask(lambda db: look_up(db, table, key))
        return None if values is None else table.model_construct(None, **values)

    async def read(self, table: type[RowT], key: str) -> RowT:
        """Return a row. Raises Problem 404 when there is none."""
        row = await self.find(table, key)
        if row is None:
            raise Problem(404, "not_found", f"There is no {table.__tablename__} row {key!r}.")
        return row

    async def query(self, ask: Callable[[Session], Any]) -> Any:
        """Return a page of rows, or what is no more."""
        return await self.exchange.reads.query(ask)

    async def work_out(self, ask: Callable[[Session], Any]) -> Any:
        """Return what is made of many rows."""
        return await worked_out(self.exchange.reads, ask)

    async def send(
        self,
        command: Command,
        table: type[RowT],
        key: str,
        show: Callable[[RowT], SQLModel] = lambda row: row,
    ) -> Response:
        """Send a command and answer with 202, or with the row `key` it led to when asked to wait.

        The same command again gives the stored result; other content under its key is refused.
        """
        shown = await self._carry_out(command)
        location = {"Location": f"/v1/commands/{command.id}"}
        if not self._wait_s or not shown:
            return JSONResponse({"id": command.id, "status": "accepted"}, 202, location)
        await self._outcome(command)
        row = await self.read(table, key)
        told = show(row).model_dump(mode="json", exclude={"digest"})
        return JSONResponse(told, 200, location)

    async def settle(self, command: Command, table: type[RowT], key: str) -> RowT:
        """Send a command and return the row it led to, whether the caller wants to wait or not.

        Raises the Problem it was refused with, or 503 while it is under way.
        """
        if not await self._carry_out(command, at_least_s=SETTLE_SECONDS):
            raise Problem(
                503,
                "under_way",
                "It is not settled yet: send the same again under the same key.",
                {"Retry-After": "1"},
            )
        await self._outcome(command)
        return await self.read(table, key)

    async def _carry_out(self, command: Command, at_least_s: float = 0.0) -> bool:
        """Make a command durable, unless it is already; wait as long as the caller wants, or
        longer; return whether the read models show all it caused.

        Raises Problem 422 when other content came under its key, 503 when it is not known whether
        it was taken.
        """
        wait_s, market = max(self._wait_s, at_least_s), self.exchange.market
        shown = market.shown
        known = await self.find(CommandRow, command.id)
        try:
            if known is None:
                return await market.publish(command, shown, wait_s)
            _check_same(known, command)
            return await market.rests(command.id, known.position, wait_s)
        except Overloaded as error:
            raise Problem(503, "overloaded", str(error), {"Retry-After": "1"}) from error
        except LogError as error:
            raise Problem(503, "log_unavailable", str(error)) from error

    async def _outcome(self, command: Command) -> None:
        """Raises the Problem that a command which is at rest was refused with."""
        row = await self.read(CommandRow, command.id)
        _check_same(row, command)  # another gateway may have sent other content at the same time
        if row.status == "refused":
            raise refusal_problem(row.reason)


def _check_same(known: CommandRow, command: Command) -> None:
    if known.digest != digest(command):
        raise key_reused()


async def _call(request: Request) -> Call:
    """Raises the Problem that says why this caller may not do this, or not like this."""
    route: APIRoute = request.scope["route"]
    speaks: Principal | None = request.state.principal
    allowed = ACCESS.get((request.method, route.path))
    if allowed is None:
        raise Problem(403, "no_access_rule", "No role has been given access to this route.")
    scope = scope_of(str(route.tags[0]), request.method)
    if allowed is PUBLIC and speaks is not None and not speaks.may(scope):
        speaks = None  # what everyone may see, and no more than that
    call = Call(request, speaks)
    if allowed is not PUBLIC:
        _check_access(call.principal, allowed, scope)
    _check_input(request, route)
    if request.method not in SAFE and "idempotency-key" not in request.headers:
        raise Problem(
            400,
            "idempotency_key_missing",
            "Send an Idempotency-Key header: new for a new wish, the same for its retries.",
        )
    return call


def _check_access(principal: Principal, allowed: frozenset[Role], scope: str) -> None:
    if principal.role not in allowed:
        roles = ", ".join(sorted(role.value for role in allowed))
        raise Problem(403, "role_not_allowed", f"This is for the roles: {roles}.")
    if not scope.startswith(UNSCOPED) and not principal.may(scope):
        raise Problem(403, "scope_missing", f"The token lacks the scope {scope}.")


def _check_input(request: Request, route: APIRoute) -> None:
    """Refuse what nobody would read, and ids that nothing can have."""
    for name, value in request.path_params.items():
        if name.endswith("_id") and len(value) not in ID_LENGTHS:
            raise Problem(404, "not_found", f"Nothing has the {name} {value[:80]!r}.")
    known = {field.alias for field in route.dependant.query_params}
    for name in request.query_params:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Problem(422, "invalid_request", f"query.{name[:80]}: known here: {names}")
    has_body = request.headers.get("content-length", "0") != "0"
    takes_none = request.method not in SAFE and not route.body_field
    if has_body and takes_none and not is_upload(request.scope):
        raise Problem(422, "invalid_request", "body: none is taken here")


Caller = Annotated[Call, Depends(_call)]
