"""What the watch says: a word that was written twice is shown once, where it stood first."""

from typing import Any, Final

import msgspec
from sqlmodel import SQLModel

from schemas import events as e
from schemas.envelope import Message
from services.gateway import watch_tables as t
from services.gateway.projections.common import Apply
from services.gateway.rows import Rows


def _keep(table: type[SQLModel]) -> Apply:
    names = table.model_fields.keys() - {"position"}

    def apply(rows: Rows, event: Any, position: int) -> None:
        if rows.find(table, event.id) is None:
            said = {name: msgspec.to_builtins(getattr(event, name)) for name in names}
            rows.put(table, position=position, **said)

    return apply


APPLY: Final[dict[type[Message], Apply]] = {
    e.IndexPointPublished: _keep(t.IndexPointRow),
    e.MarketStatisticsPublished: _keep(t.MarketStatisticsRow),
    e.UseStatisticsPublished: _keep(t.UseStatisticsRow),
    e.AlertRaised: _keep(t.AlertRow),
}
