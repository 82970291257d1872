"""The data index, statistics, and what surveillance found."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlmodel import col

from schemas.events import AlertRule, IndexLevel
from schemas.money import MINOR_DIGITS
from services.gateway import watch_tables as t
from services.gateway.calls import Caller
from services.gateway.paging import After, Limit, Newest, Page, page

router = APIRouter(prefix="/v1", tags=["watch"])
Score = Annotated[int, Query(ge=0, le=100)]
CurrencyCode = Annotated[str | None, Query(pattern=f"^({'|'.join(MINOR_DIGITS)})$")]


@router.get("/index")
async def index(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    level: IndexLevel | None = None,
    key: str | None = None,
    currency: CurrencyCode = None,
    newest_first: Newest = False,
) -> Page[t.IndexPointRow]:
    """The data index, one point for each day with trades; `key` is a field or a data set."""
    wanted = (
        (t.IndexPointRow.level, level),
        (t.IndexPointRow.key, key),
        (t.IndexPointRow.currency, currency),
    )
    conditions = [col(column) == value for column, value in wanted if value is not None]
    return await page(call, t.IndexPointRow, limit, after, *conditions, newest_first=newest_first)


@router.get("/statistics/deals")
async def deals(call: Caller, limit: Limit = 100, after: After = -1) -> Page[t.MarketStatisticsRow]:
    """Volume and active parties, by the day and by seven days."""
    return await page(call, t.MarketStatisticsRow, limit, after)


@router.get("/statistics/use")
async def use(call: Caller, limit: Limit = 100, after: After = -1) -> Page[t.UseStatisticsRow]:
    """Metered use, by the day and by seven days; withheld where fewer than three buyers made it."""
    return await page(call, t.UseStatisticsRow, limit, after)


@router.get("/alerts")
async def alerts(
    call: Caller,
    limit: Limit = 100,
    after: After = -1,
    rule: AlertRule | None = None,
    score_min: Score = 0,
) -> Page[t.AlertRow]:
    """What surveillance found, for operator and regulator: hints with their evidence, no
    verdicts.
    """
    conditions = [] if rule is None else [col(t.AlertRow.rule) == rule]
    return await page(
        call, t.AlertRow, limit, after, col(t.AlertRow.score) >= score_min, *conditions
    )
