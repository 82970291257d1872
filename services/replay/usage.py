"""Recorded usage: each client a buyer with one metered grant, each request a use, in virtual
time.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from market.venue import Emission
from schemas.base import INTEGER_MAX, SchemaError
from schemas.catalogue import MeteredOffer
from schemas.commands import RecordUsage, Subscribe
from schemas.events import UsageCharged, UsageRecorded
from schemas.ids import derive_id, make_id
from schemas.parties import Role, VenueTerms
from schemas.tariff import Tariff, Unit, check_tariff
from services.replay.rows import RowError, read_lines
from simulation.filler import CONTENT, SUPPLIER, entry
from simulation.stage import Stage

COLUMNS: Final = ("time_ms", "client", "bytes")
_LISTING: Final = make_id("lst", "replay", "usage")


class Use(NamedTuple):
    time_ms: int
    client: str
    size_bytes: int
    line: int


class Charge(NamedTuple):
    """What a client used and what it cost, fees aside."""

    client: str
    calls: int
    bytes: int
    charge_minor: int


def read_tariff(path: Path) -> Tariff:
    """Raises SchemaError when the file is not a sound tariff by call or byte."""
    try:
        tariff = msgspec.json.decode(path.read_bytes(), type=Tariff)
    except OSError as error:
        raise SchemaError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise SchemaError(f"{path}: {error}") from error
    check_tariff(tariff)
    if tariff.unit is Unit.ROW:
        raise SchemaError("unit: recorded requests have no rows; use call or byte")
    return tariff


def read(path: Path) -> list[Use]:
    """Return the uses in order of time. Raises RowError naming the line."""
    uses = [
        Use(line.integer("time_ms"), line.text("client"), line.integer("bytes"), line.number)
        for line in read_lines(path, COLUMNS)
    ]
    return sorted(uses, key=lambda use: use.time_ms)


def replay(uses: list[Use], tariff: Tariff, progress: Callable[[int], None]) -> list[Charge]:
    """Return each client's charge, in the order they first came. Raises RowError."""
    if not uses:
        return []
    tally = _Tally()
    stage = Stage(VenueTerms(currencies=(tariff.currency,)), uses[0].time_ms, tally.watch)
    stage.admit(SUPPLIER, Role.SUPPLIER)
    stage.publish(_LISTING, SUPPLIER, MeteredOffer(tariff=tariff), entry("recorded usage"), CONTENT)
    clients = list(dict.fromkeys(use.client for use in uses))
    budget_minor = INTEGER_MAX // (len(clients) + 1)
    grants = {
        client: _subscribe(stage, client, tariff.currency, budget_minor) for client in clients
    }
    calls: dict[str, int] = defaultdict(int)
    sizes: dict[str, int] = defaultdict(int)
    for count, use in enumerate(uses):
        calls[use.client] += 1
        sizes[use.client] += use.size_bytes
        quantity = use.size_bytes if tariff.unit is Unit.BYTE else 1
        if quantity:  # an answer without a body moves no byte
            stage.say(
                RecordUsage(
                    id=make_id("usg", use.client, str(use.line)),
                    at_ms=use.time_ms,
                    grant_id=grants[use.client],
                    buyer_id=make_id("pty", use.client),
                    quantity=quantity,
                )
            )
            tally.check(grants[use.client], calls, sizes, use, tariff.unit)
        progress(count)
    return [
        Charge(client, calls[client], sizes[client], tally.charged[grants[client]])
        for client in clients
    ]


class _Tally:
    """What the grants say of themselves, by grant id."""

    def __init__(self) -> None:
        self.charged: dict[str, int] = defaultdict(int)
        self._used: dict[str, int] = defaultdict(int)

    def watch(self, cascade: list[Emission]) -> None:
        for message, _ in cascade:
            if isinstance(message, UsageRecorded):
                self._used[message.grant_id] = message.used_total
            elif isinstance(message, UsageCharged):
                self.charged[message.grant_id] += message.charge_minor

    def check(
        self, grant_id: str, calls: dict[str, int], sizes: dict[str, int], use: Use, unit: Unit
    ) -> None:
        """Raises RowError when the market did not take the use: its budget is the largest there
        is.
        """
        expected = sizes[use.client] if unit is Unit.BYTE else calls[use.client]
        if self._used[grant_id] != expected:
            raise RowError(f"line {use.line}: the use costs more than a grant can be prepaid with")


def _subscribe(stage: Stage, client: str, currency: str, budget_minor: int) -> str:
    buyer_id, request_id = make_id("pty", client), make_id("sub", client)
    stage.admit(buyer_id, Role.BUYER, currency=currency, money_minor=budget_minor)
    stage.say(
        Subscribe(
            id=request_id,
            at_ms=stage.start_ms,
            listing_id=_LISTING,
            buyer_id=buyer_id,
            currency=currency,
            budget_minor=budget_minor,
        )
    )
    return derive_id(request_id, "grt")
