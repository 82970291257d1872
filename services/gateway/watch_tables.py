"""The read models of what the watch says: a row for each of its words, under the word's own id."""

from typing import Annotated, Any

from sqlalchemy import JSON, Column
from sqlalchemy.orm import configure_mappers
from sqlmodel import Field, SQLModel

from schemas.events import Figure
from services.columns import make_portable
from services.gateway.message_schemas import shown
from services.gateway.tables import Row


class _OfWindow(Row):
    id: str = Field(primary_key=True)
    start_ms: int
    end_ms: int = Field(index=True)


class IndexPointRow(_OfWindow, table=True):
    """The data index at `end_ms`, in millionths of a point (100 points at `base_ms`); `key` is the
    field or the data set. Of `basket` items `priced` were sold on the day.
    """

    __tablename__ = "index_points"
    level: str = Field(index=True)
    key: str = Field(index=True)
    currency: str
    value_e6: int
    base_ms: int
    linked_ms: int
    basket: int
    priced: int


class MarketStatisticsRow(_OfWindow, table=True):
    """Deals of a day, or of the seven days up to its end: how many in each mode, who took part, and
    what was paid or prepaid.
    """

    __tablename__ = "market_statistics"
    free: int
    metered: int
    auctioned: int
    licences: int
    bids: int
    refused: int
    buyers: int
    suppliers: int
    bidders: int
    data_sets: int
    volume: Annotated[list[dict[str, Any]], shown(tuple[Figure, ...])] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    capped: bool


class UseStatisticsRow(_OfWindow, table=True):
    """Use of a day, or of the seven days up to its end; `withheld` with fewer than three buyers."""

    __tablename__ = "use_statistics"
    buyers: int
    grants: int
    uses: int
    refused: int
    charged: Annotated[list[dict[str, Any]], shown(tuple[Figure, ...])] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    withheld: bool
    capped: bool


class AlertRow(_OfWindow, table=True):
    """What a surveillance rule found: something to look at, with the ids of the events it goes by.
    Nothing follows from it by itself.
    """

    __tablename__ = "alerts"
    rule: str = Field(index=True)
    score: int
    subjects: list[str] = Field(sa_column=Column(JSON, nullable=False))
    about: str
    evidence: list[str] = Field(sa_column=Column(JSON, nullable=False))
    measured: int
    usual: int


make_portable(SQLModel.metadata)
configure_mappers()  # as for the other tables
