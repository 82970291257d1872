"""The data index (数据指数): composite, by field and by data set, each in one currency.

A chain-linked Laspeyres-type index over matched items: an item's price is only ever compared with
its own. docs/data-index.md has the definition, the formulas and a worked example.
"""

from typing import Final

import msgspec

from market.watch.facts import Traded
from market.watch.windows import DAY, DAY_MS, Panes, closings, pane
from schemas.base import Event
from schemas.events import IndexLevel, IndexPointPublished
from schemas.ids import make_id
from schemas.money import round_half_even

BASE_E6: Final = 100_000_000  # 100 points
RELATIVE_SCALE: Final = 10**9
PERIOD_MS: Final = 28 * DAY_MS  # from one basket to the next; in the first, every day has its own
PERIODS_KEPT: Final = 3  # whose turnover weighs, and for which a price is carried forward
ITEMS_MAX: Final = 10_000  # a new item above it waits until another leaves


class Sales(msgspec.Struct, kw_only=True):
    """Of one item in one day; `priced` over `quantity` is its price."""

    data_set_id: str
    field: str
    currency: str
    paid_minor: int = 0
    priced: int = 0
    quantity: int = 0


class Item(msgspec.Struct, kw_only=True):
    """`price` is the last one known, in billionths of a minor unit, and `field_e6` what its field
    stood at then, 0 before it has an index. `base_price` and `weight` hold since the last link and
    are 0 outside the basket. `turnover` is by period, the current one's last.
    """

    data_set_id: str
    field: str
    currency: str
    turnover: list[int]
    price: int = 0
    field_e6: int = 0
    base_price: int = 0
    weight: int = 0


class Series(msgspec.Struct, kw_only=True):
    """`link_e6` is its value at the last link, `value_e6` the newest."""

    level: IndexLevel
    key: str
    currency: str
    base_ms: int
    link_e6: int = BASE_E6
    value_e6: int = BASE_E6


class Index(msgspec.Struct, kw_only=True):
    days: Panes[dict[str, Sales]] = msgspec.field(default_factory=Panes)
    items: dict[str, Item] = {}
    series: dict[str, Series] = {}
    begun_ms: int | None = None
    period_ms: int = 0
    linked_ms: int = 0


class _Sum(msgspec.Struct):
    """Over the basket of a series: relatives by weight, weights, items, and those sold now."""

    weighted: int = 0
    weights: int = 0
    basket: int = 0
    priced: int = 0


def count(index: Index, trade: Traded, field: str, at_ms: int, now_ms: int) -> None:
    if not trade.priced or trade.currency is None:
        return
    day = pane(index.days, DAY, at_ms, now_ms, dict)
    sales = day.get(trade.item)
    if sales is None:
        sales = day[trade.item] = Sales(
            data_set_id=trade.data_set_id, field=field, currency=trade.currency
        )
    sales.paid_minor += trade.paid_minor
    sales.priced += trade.priced
    sales.quantity += trade.quantity


def close(index: Index, before_ms: int, now_ms: int) -> list[Event]:
    """Return the points of the days that end."""
    found: list[Event] = []
    for day in closings(index.days, DAY, before_ms, now_ms):
        sold = day.contents[-1]
        _take_prices(index, sold)
        linked_ms, known = index.linked_ms, set(index.series)
        sums = _sums(index, sold)
        _revalue(index, sums)
        if _is_link_due(index, day.end_ms):
            _link(index, day.end_ms)
            new = _sums(index, sold)
            sums |= {key: new[key] for key in new.keys() - known}
        for name in sold.keys() & index.items.keys():
            item = index.items[name]
            item.field_e6 = field_value_e6(index, item.field, item.currency)
        found += [
            _point(index.series[key], sums[key], day.start_ms, day.end_ms, linked_ms)
            for key in sorted(sums.keys() & index.series.keys())
        ]
    return found


def expected_price(index: Index, trade: Traded) -> int:
    """Return what an item would cost had it moved with its field since it was last sold, 0 when it
    never was.
    """
    item = index.items.get(trade.item)
    if item is None:
        return 0
    now_e6 = field_value_e6(index, item.field, item.currency)
    return round_half_even(item.price * now_e6, item.field_e6) if item.field_e6 else item.price


def field_value_e6(index: Index, field: str, currency: str) -> int:
    series = index.series.get(_key(IndexLevel.FIELD, field, currency))
    return 0 if series is None else series.value_e6


def _take_prices(index: Index, sold: dict[str, Sales]) -> None:
    for name, sales in sorted(sold.items()):
        item = index.items.get(name)
        if item is None:
            if len(index.items) >= ITEMS_MAX:
                continue
            item = index.items[name] = Item(
                data_set_id=sales.data_set_id,
                field=sales.field,
                currency=sales.currency,
                turnover=[0],
            )
        item.price = max(1, round_half_even(sales.priced, sales.quantity))
        item.turnover[-1] += sales.paid_minor


def _sums(index: Index, sold: dict[str, Sales]) -> dict[str, _Sum]:
    """Return the sums of each series of whose basket something was sold."""
    sums = {
        key: _Sum()
        for name in sold
        if name in index.items and index.items[name].weight
        for key in _keys(index.items[name])
    }
    for name, item in index.items.items():
        if not item.weight:
            continue
        relative = round_half_even(item.price * RELATIVE_SCALE, item.base_price)
        for key in _keys(item):
            if (total := sums.get(key)) is not None:
                total.weighted += item.weight * relative
                total.weights += item.weight
                total.basket += 1
                total.priced += name in sold
    return sums


def _revalue(index: Index, sums: dict[str, _Sum]) -> None:
    for key, total in sums.items():
        series = index.series[key]
        series.value_e6 = round_half_even(
            series.link_e6 * total.weighted, total.weights * RELATIVE_SCALE
        )


def _is_link_due(index: Index, at_ms: int) -> bool:
    if index.begun_ms is None:
        index.begun_ms = index.period_ms = at_ms
    return at_ms < index.begun_ms + PERIOD_MS or at_ms >= index.period_ms + PERIOD_MS


def _link(index: Index, at_ms: int) -> None:
    """Make a new basket of what was sold lately, at the prices known now.

    A data set that leaves it loses its series; fields and composite go on from where they stand.
    """
    index.linked_ms = at_ms
    is_period_over = at_ms >= index.period_ms + PERIOD_MS
    if is_period_over:
        index.period_ms = at_ms
    series, index.series = index.series, {}
    for name, item in sorted(index.items.items()):
        item.weight, item.base_price = sum(item.turnover), item.price
        if is_period_over:
            item.turnover = [*item.turnover, 0][-PERIODS_KEPT:]
        if not item.weight:
            del index.items[name]
            continue
        for key, (level, of) in _keys(item).items():
            begun = Series(level=level, key=of, currency=item.currency, base_ms=at_ms)
            index.series[key] = series.get(key, begun)
    for key, one in series.items():
        if one.level is not IndexLevel.DATA_SET:
            index.series.setdefault(key, one)
    for one in index.series.values():
        one.link_e6 = one.value_e6


def _keys(item: Item) -> dict[str, tuple[IndexLevel, str]]:
    levels = (
        (IndexLevel.COMPOSITE, ""),
        (IndexLevel.FIELD, item.field),
        (IndexLevel.DATA_SET, item.data_set_id),
    )
    return {_key(level, of, item.currency): (level, of) for level, of in levels}


def _key(level: IndexLevel, of: str, currency: str) -> str:
    return f"{level}/{of}/{currency}"


def _point(
    series: Series, total: _Sum, start_ms: int, end_ms: int, linked_ms: int
) -> IndexPointPublished:
    is_base = series.base_ms == end_ms
    return IndexPointPublished(
        at_ms=end_ms,
        id=make_id("idx", series.level, series.key, series.currency, str(end_ms)),
        start_ms=start_ms,
        end_ms=end_ms,
        level=series.level,
        key=series.key,
        currency=series.currency,
        value_e6=series.value_e6,
        base_ms=series.base_ms,
        linked_ms=end_ms if is_base else linked_ms,
        basket=total.basket,
        priced=total.priced,
    )
