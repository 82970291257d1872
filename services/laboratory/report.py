"""A run's report.html: what was traded, how it was bid for, who earned, and what was used."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from services.laboratory import drawings, page
from services.laboratory.figures import WIDE, in_short, svg
from services.laboratory.page import Picture
from services.laboratory.run_folder import Record, RunFolder

DAY_MS: Final = 86_400_000
RANKS_MAX: Final = 12
BUCKETS_MAX: Final = 60
PLACED: Final = "placed"
HEADLINE: Final = (  # name among the metrics, what it is called, whether it is a share
    ("commands", "commands", False),
    ("trades", "trades", False),
    ("revenue", "paid for data", False),
    ("efficiency", "efficiency", True),
    ("sell_through", "auctions sold", True),
    ("gini", "Gini of suppliers", False),
    ("hhi", "HHI", False),
)
Marks = Sequence[tuple[int, str, float]]  # when, which kind, how much


def report(run: RunFolder) -> str:
    """Return the page. What a run has none of is left out."""
    trades, bids, usage = (run.table(name) for name in ("trades", "bids", "usage"))
    config = run.about["config"]
    parts = [
        page.cards(_headline(run)),
        _traded(trades, usage),
        _bidding(bids),
        _earning(trades, usage),
        _using(usage),
        _metrics(run.about["metrics"]),
        page.folded("The scenario as it was run", json.dumps(config, indent=2, ensure_ascii=False)),
        page.folded("Seed, versions, digests", json.dumps(_origin(run), indent=2)),
    ]
    return page.page(run.about["title"], _about(run), [part for part in parts if part])


def _headline(run: RunFolder) -> list[tuple[str, str]]:
    metrics = run.about["metrics"]
    shown = []
    for name, what, percent in HEADLINE:
        value = metrics.get(name)
        if value is not None:
            shown.append((what, f"{value:.1%}" if percent else in_short(value)))
    return shown


def _traded(trades: list[Record], usage: list[Record]) -> str:
    """Draw what was paid over time, and at which prices, by format."""
    if not trades and not usage:
        return ""
    paid = [(t["at_ms"], t["mode"], t["price_minor"] / 100) for t in trades if t["price_minor"]]
    paid += [(u["at_ms"], "metered use", u["charge_minor"] / 100) for u in usage]
    totals: dict[str, float] = defaultdict(float)
    for _, kind, amount in paid:
        totals[kind] += amount
    pictures = []
    if whole := sum(totals.values()):
        most = max(totals, key=lambda name: totals[name])
        says = f"{in_short(whole)} in all; {most} brought {totals[most] / whole:.0%} of it."
        pictures.append(_over_time("Paid for data", says, paid, "paid"))
    prices = _grouped((t["mode"], t["price_minor"] / 100) for t in trades if t["price_minor"])
    if prices:
        title = "Prices by format"
        drawn = svg(drawings.spread(prices, "price of a trade"), title)
        says = "Box: the middle half. Line: the median. Whiskers: 5 % to 95 %."
        pictures.append(Picture(title, says, drawn))
    counts = Counter(t["mode"] for t in trades)
    title = "Trades by format"
    drawn = svg(drawings.ranked(counts.most_common(), "trades"), title)
    pictures.append(Picture(title, f"{len(trades):,} trades, free access included.", drawn))
    return page.section("What was traded", "", pictures)


def _bidding(bids: list[Record]) -> str:
    """Draw bids over time, why they were refused, and how near the end they came."""
    if not bids:
        return ""
    refused = Counter(b["outcome"] for b in bids if b["outcome"] != PLACED)
    marked = [(b["at_ms"], PLACED if b["outcome"] == PLACED else "refused", 1.0) for b in bids]
    says = f"{len(bids):,} bids, of which {sum(refused.values()) / len(bids):.1%} were refused."
    pictures = [_over_time("Bids", says, marked, "bids")]
    if refused:
        title = "Why bids were refused"
        ranks = [(why.replace("_", " "), float(n)) for why, n in refused.most_common(RANKS_MAX)]
        drawn = svg(drawings.ranked(ranks, "bids"), title)
        pictures.append(Picture(title, f"Most often: {ranks[0][0]}.", drawn))
    each = Counter(b["auction_id"] for b in bids)
    top = max(each.values())
    edges = [edge - 0.5 for edge in range(1, min(top, 40) + 2)]
    title = "Bids in an auction"
    drawn = svg(drawings.histogram(list(each.values()), edges, ("bids", "auctions")), title)
    says = (
        f"{len(each):,} auctions with bids, {len(bids) / len(each):.1f} bids each, {top} at most."
    )
    pictures.append(Picture(title, says, drawn))
    return page.section("How it was bid for", "", pictures)


def _earning(trades: list[Record], usage: list[Record]) -> str:
    """Draw who earned most, and how unequally."""
    earned: dict[str, float] = defaultdict(float)
    for record in trades:
        earned[record["supplier"]] += record["price_minor"] / 100
    for record in usage:
        earned[record["supplier"]] += record["charge_minor"] / 100
    if not any(earned.values()):
        return ""
    first = sorted(earned.items(), key=lambda pair: -pair[1])
    share = sum(amount for _, amount in first[:RANKS_MAX]) / sum(earned.values())
    title = "Suppliers who earned most"
    drawn = svg(drawings.ranked(first[:RANKS_MAX], "earned before fees"), title)
    few = min(RANKS_MAX, len(first))
    pictures = [Picture(title, f"The first {few} of {len(first)} have {share:.0%}.", drawn)]
    title = "How unequal it is"
    amounts = list(earned.values())
    drawn = svg(drawings.lorenz(amounts, "suppliers", "what was earned"), title)
    pictures.append(
        Picture(title, f"Gini coefficient {_gini(amounts):.2f}; 0 is all alike.", drawn)
    )
    return page.section("Who earned", "", pictures)


def _using(usage: list[Record]) -> str:
    if not usage:
        return ""
    clients: dict[str, float] = defaultdict(float)
    for record in usage:
        clients[record["grant_id"]] += record["quantity"]
    used = [(u["at_ms"], "units", float(u["quantity"])) for u in usage]
    says = f"{len(usage):,} uses of {len(clients):,} grants."
    pictures = [_over_time("Metered use", says, used, "units")]
    return page.section("What was used", "", pictures)


def _metrics(metrics: dict[str, Any]) -> str:
    rows = [(name.replace("_", " "), _figure(value)) for name, value in sorted(metrics.items())]
    return page.section("All figures", "", more=page.table(("figure", "value"), rows))


def _grouped(pairs: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = defaultdict(list)
    for name, amount in pairs:
        groups[name].append(amount)
    return dict(sorted(groups.items()))


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _about(run: RunFolder) -> str:
    return f"Seed {run.about['seed']}, config {run.about['config_sha256'][:12]}."


def _origin(run: RunFolder) -> dict[str, Any]:
    return {name: value for name, value in run.about.items() if name not in ("config", "metrics")}


def _over_time(title: str, says: str, marks: Marks, y_label: str) -> Picture:
    labels, layers = by_time(marks)
    drawn = svg(drawings.stacked(labels, layers, y_label), title, WIDE)
    return Picture(title, says, drawn, wide=True)


def by_time(marks: Marks) -> tuple[list[str], dict[str, list[float]]]:
    """Return the sums of each kind in days, weeks or spans of 30 days, whichever are few enough to
    be drawn, with the date each begins on; the kinds with most come first.
    """
    first, last = min(at_ms for at_ms, _, _ in marks), max(at_ms for at_ms, _, _ in marks)
    wide_ms = next(
        days * DAY_MS for days in (1, 7, 30) if days == 30 or (last - first) // (days * DAY_MS) < 60
    )
    start, buckets = first - first % DAY_MS, (last - first + first % DAY_MS) // wide_ms + 1
    layers: dict[str, list[float]] = defaultdict(lambda: [0.0] * buckets)
    for at_ms, kind, amount in marks:
        layers[kind][(at_ms - start) // wide_ms] += amount
    begins = (datetime.fromtimestamp((start + n * wide_ms) / 1000, UTC) for n in range(buckets))
    ordered = dict(sorted(layers.items(), key=lambda layer: -sum(layer[1])))
    return [f"{begin:%d %b}" for begin in begins], ordered


def _gini(amounts: Sequence[float]) -> float:
    ordered, total = sorted(amounts), sum(amounts)
    weighted = sum(rank * amount for rank, amount in enumerate(ordered, start=1))
    return 2 * weighted / (len(ordered) * total) - (len(ordered) + 1) / len(ordered)
