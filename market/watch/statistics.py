"""What is published of a day, and of the seven days up to its end: volume and active parties."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from market.watch.windows import DAY_MS, WEEK_BY_DAYS, Panes, closings, pane
from schemas.base import Event
from schemas.events import Figure, MarketStatisticsPublished, UseStatisticsPublished
from schemas.ids import make_id

NAMES_MAX: Final = 10_000  # parties, or grants, that are told apart in a day
BUYERS_MIN: Final = 3  # below it the use of all would tell of one of them


class Tally(msgspec.Struct, kw_only=True):
    """Of a day: how often what happened, money by currency, and who or what was in it."""

    counts: dict[str, int] = {}
    money: dict[str, int] = {}
    names: dict[str, set[str]] = {}
    capped: bool = False


class Statistics(msgspec.Struct, kw_only=True):
    days: Panes[Tally] = msgspec.field(default_factory=Panes)


def tally(statistics: Statistics, at_ms: int, now_ms: int) -> Tally:
    """Return that of the day in which something of `at_ms` counts."""
    return pane(statistics.days, WEEK_BY_DAYS, at_ms, now_ms, Tally)


def add(one: Tally, what: str, number: int = 1) -> None:
    one.counts[what] = one.counts.get(what, 0) + number


def pay(one: Tally, currency: str | None, amount_minor: int) -> None:
    if currency is not None and amount_minor:
        one.money[currency] = one.money.get(currency, 0) + amount_minor


def name(one: Tally, role: str, id: str) -> None:
    known = one.names.setdefault(role, set())
    if len(known) < NAMES_MAX:
        known.add(id)
    elif id not in known:
        one.capped = True


def close_deals(statistics: Statistics, before_ms: int, now_ms: int) -> list[Event]:
    return [
        MarketStatisticsPublished(
            at_ms=end_ms,
            id=make_id("sta", "deals", str(start_ms), str(end_ms)),
            start_ms=start_ms,
            end_ms=end_ms,
            free=whole.counts.get("free", 0),
            metered=whole.counts.get("metered", 0),
            auctioned=whole.counts.get("auction", 0),
            licences=whole.counts.get("licences", 0),
            bids=whole.counts.get("bids", 0),
            refused=whole.counts.get("refused", 0),
            buyers=len(whole.names.get("buyers", ())),
            suppliers=len(whole.names.get("suppliers", ())),
            bidders=len(whole.names.get("bidders", ())),
            data_sets=len(whole.names.get("data_sets", ())),
            volume=_figures(whole),
            capped=whole.capped,
        )
        for start_ms, end_ms, days in _windows(statistics, before_ms, now_ms)
        for whole in (sum_of(days),)
    ]


def close_use(statistics: Statistics, before_ms: int, now_ms: int) -> list[Event]:
    found: list[Event] = []
    for start_ms, end_ms, days in _windows(statistics, before_ms, now_ms):
        whole = sum_of(days)
        # A week with a day withheld in it would tell of that day by subtraction.
        withheld = any(_buyers(day) < BUYERS_MIN for day in days)
        shown = Tally() if withheld else whole
        found.append(
            UseStatisticsPublished(
                at_ms=end_ms,
                id=make_id("sta", "use", str(start_ms), str(end_ms)),
                start_ms=start_ms,
                end_ms=end_ms,
                buyers=_buyers(whole),
                grants=len(shown.names.get("grants", ())),
                uses=shown.counts.get("uses", 0),
                refused=shown.counts.get("refused", 0),
                charged=_figures(shown),
                withheld=withheld,
                capped=shown.capped,
            )
        )
    return found


def _windows(
    statistics: Statistics, before_ms: int, now_ms: int
) -> Iterator[tuple[int, int, list[Tally]]]:
    """Yield each day that ends, and the week that ends with it, as (start, end, days)."""
    for week in closings(statistics.days, WEEK_BY_DAYS, before_ms, now_ms):
        yield week.end_ms - DAY_MS, week.end_ms, week.contents[-1:]
        yield week.start_ms, week.end_ms, week.contents


def sum_of(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for one in tallies:
        for what, number in one.counts.items():
            add(whole, what, number)
        for currency, amount_minor in one.money.items():
            pay(whole, currency, amount_minor)
        for role, known in one.names.items():
            whole.names.setdefault(role, set()).update(known)
        whole.capped |= one.capped
    return whole


def _buyers(day: Tally) -> int:
    return len(day.names.get("buyers", ()))


def _figures(whole: Tally) -> tuple[Figure, ...]:
    return tuple(
        Figure(currency=currency, amount_minor=amount)
        for currency, amount in sorted(whole.money.items())
    )
