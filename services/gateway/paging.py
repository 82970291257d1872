"""Pages of rows in the order they last changed, by key: `after` is the position a page ended on."""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from sqlmodel import Session, SQLModel, select

from schemas.base import INTEGER_MAX
from services.gateway.calls import Call

RowT = TypeVar("RowT", bound=SQLModel)
Limit = Annotated[int, Query(ge=1, le=1_000)]
After = Annotated[int, Query(ge=-1, le=INTEGER_MAX)]


class Page(BaseModel, Generic[RowT]):
    """`next_after` is what to ask for next; None at the end."""

    items: list[RowT]
    next_after: int | None


async def page(
    call: Call, table: type[RowT], limit: int, after: int, *conditions: Any
) -> Page[RowT]:
    columns: Any = table

    def ask(session: Session) -> list[RowT]:
        query = select(table).where(columns.position > after, *conditions)
        return list(session.exec(query.order_by(columns.position).limit(limit)).all())

    rows: list[RowT] = await call.query(ask)
    last: Any = rows[-1] if len(rows) == limit else None
    return Page(items=rows, next_after=None if last is None else last.position)
