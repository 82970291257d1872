"""One call at the edge: who speaks, whether they may, and a command sent exactly once."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from sqlmodel import Session, SQLModel
from starlette.concurrency import run_in_threadpool

from schemas.base import Command
from schemas.ids import derive_id, make_id
from services.gateway.access import ACCESS, PUBLIC, SEES_ALL
from services.gateway.exchange import Exchange
from services.gateway.problems import Problem, refusal_problem
from services.gateway.projector import digest
from services.gateway.rows import look_up
from services.gateway.tables import CommandRow
from services.gateway.tokens import Principal
from streams.log import LogError
from streams.runner import Overloaded

RowT = TypeVar("RowT", bound=SQLModel)
KEY_LENGTH_MAX: Final = 200
WAIT_SECONDS_MAX: Final = 30.0
CATCH_UP_SECONDS: Final = 5.0
_WAIT: Final = re.compile(r"wait=(\d{1,4})")


class Call:
    """The exchange as this caller may use it."""

    def __init__(
        self, request: Request, principal: Principal | None, key: str, prefer: str
    ) -> None:
        self.exchange: Exchange = request.app.state.exchange
        self.at_ms = self.exchange.now_ms()
        self.path: str = request.scope["route"].path
        self._url = request.url.path
        self._running: set[str] = request.app.state.running
        self._principal = principal
        self._key = key
        waited = _WAIT.search(prefer)
        self._wait_s = min(float(waited[1]), WAIT_SECONDS_MAX) if waited else 0.0

    @property
    def party_id(self) -> str:
        return self.principal.party_id

    @property
    def principal(self) -> Principal:
        if self._principal is None:
            raise Problem(
                401, "token_missing", "Send a bearer token: Authorization: Bearer dbt_..."
            )
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
        if not self._key:
            raise Problem(
                400,
                "idempotency_key_missing",
                "Send an Idempotency-Key header: new for a new wish, the same for its retries.",
            )
        if len(self._key) > KEY_LENGTH_MAX:
            raise Problem(400, "idempotency_key_too_long", f"At most {KEY_LENGTH_MAX} characters.")
        return make_id(role, self.party_id, f"{self._url}", self._key)

    @staticmethod
    def derived(command_id: str, role: str) -> str:
        return derive_id(command_id, role)

    def find(self, table: type[RowT], key: str) -> RowT | None:
        """Look one row up by its key: short enough to be done where the call is."""
        with self.exchange.engine.connect() as db:
            values = look_up(db, table, key)
        return None if values is None else table.model_construct(None, **values)

    def read(self, table: type[RowT], key: str) -> RowT:
        """Return a row. Raises Problem 404 when there is none."""
        row = self.find(table, key)
        if row is None:
            raise Problem(404, "not_found", f"There is no {table.__tablename__} row {key!r}.")
        return row

    async def query(self, ask: Callable[[Session], Any]) -> Any:
        """Run a read in a thread, so that the event loop goes on."""

        def run() -> Any:
            with Session(self.exchange.engine, expire_on_commit=False) as session:
                return ask(session)

        return await run_in_threadpool(run)

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
        shown = self._was_sent(command) or await self.publish(command)
        location = {"Location": f"/v1/commands/{command.id}"}
        if not self._wait_s or not shown:
            return JSONResponse({"id": command.id, "status": "accepted"}, 202, location)
        self.outcome(command.id)
        row = show(self.read(table, key))
        return JSONResponse(row.model_dump(mode="json", exclude={"digest"}), 200, location)

    async def publish(self, command: Command) -> bool:
        """Make a command durable; return whether the read models show it already.

        Raises Problem 409 while the same command is still under way, 503 when nothing was taken.
        """
        if command.id in self._running:
            raise Problem(
                409, "still_running", "The same command is still being carried out; retry."
            )
        self._running.add(command.id)
        try:
            size = await self.exchange.market.publish(command)
        except Overloaded as error:
            raise Problem(503, "overloaded", str(error), {"Retry-After": "1"}) from error
        except LogError as error:
            raise Problem(503, "log_unavailable", str(error)) from error
        finally:
            self._running.discard(command.id)
        return await self.exchange.market.caught_up(size, max(self._wait_s, CATCH_UP_SECONDS))

    def outcome(self, command_id: str) -> CommandRow:
        """Return the accepted command. Raises the Problem it was refused with."""
        row = self.read(CommandRow, command_id)
        if row.status == "refused":
            raise refusal_problem(row.reason)
        return row

    def _was_sent(self, command: Command) -> bool:
        known = self.find(CommandRow, command.id)
        if known is None:
            return False
        if known.digest != digest(command):
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request; take a new key.",
            )
        return True


async def _call(
    request: Request,
    authorization: Annotated[str, Header()] = "",
    idempotency_key: Annotated[str, Header()] = "",
    prefer: Annotated[str, Header()] = "",
) -> Call:
    allowed = ACCESS.get((request.method, request.scope["route"].path))
    if allowed is None:
        raise Problem(403, "no_access_rule", "No role has been given access to this route.")
    principal = _principal(request, authorization)
    call = Call(request, principal, idempotency_key, prefer)
    if allowed is not PUBLIC and call.principal.role not in allowed:
        roles = ", ".join(sorted(role.value for role in allowed))
        raise Problem(403, "role_not_allowed", f"This is for the roles: {roles}.")
    return call


def _principal(request: Request, authorization: str) -> Principal | None:
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    exchange: Exchange = request.app.state.exchange
    found = exchange.tokens.principal(token.strip(), exchange.now_ms())
    if scheme.lower() != "bearer" or found is None:
        raise Problem(
            401,
            "token_invalid",
            "The token is unknown, expired or revoked; ask the operator for a new one.",
            {"WWW-Authenticate": "Bearer"},
        )
    return found


Caller = Annotated[Call, Depends(_call)]
