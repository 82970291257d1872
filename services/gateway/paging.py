"""Pages of rows in the order they last changed, by key: `after` is the position a page ended on.

`newest_first` turns the order round, and with it what comes after.
"""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from sqlmodel import Session, SQLModel, select

from schemas.base import INTEGER_MAX
from services.gateway.calls import Call

RowT = TypeVar("RowT", bound=SQLModel)
Limit = Annotated[int, Query(ge=1, le=1_000)]
Newest = Annotated[bool, Query()]
After = Annotated[int, Query(ge=-1, le=INTEGER_MAX)]


class Page(BaseModel, Generic[RowT]):
    """`next_after` is what to ask for next; None at the end."""

    items: list[RowT]
    next_after: int | None


async def page(
    call: Call,
    table: type[RowT],
    limit: int,
    after: int,
    *conditions: Any,
    newest_first: bool = False,
) -> Page[RowT]:
    position: Any = table.position  # type: ignore[attr-defined]  # of every table that is paged
    begins = position < after if newest_first and after >= 0 else position > after
    order = position.desc() if newest_first else position

    def ask(session: Session) -> list[RowT]:
        query = select(table).where(begins, *conditions)
        return list(session.exec(query.order_by(order).limit(limit)).all())

    rows: list[RowT] = await call.query(ask)
    last: Any = rows[-1] if len(rows) == limit else None
    return Page(items=rows, next_after=None if last is None else last.position)
