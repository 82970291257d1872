"""A run's report.html: what was traded, how it was bid for, who earned, and what was used."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from services.laboratory import drawings, page
from services.laboratory.figures import WIDE, in_short, svg
from services.laboratory.page import Picture
from services.laboratory.run_folder import Record, RunFolder

DAY_MS: Final = 86_400_000
RANKS_MAX: Final = 12
STRATEGIES_MIN: Final = 2
PLACED: Final = "placed"
HEADLINE: Final = (  # name among the metrics, what it is called, whether it is a share
    ("commands", "commands", False),
    ("trades", "trades", False),
    ("revenue", "paid for data", False),
    ("efficiency", "efficiency", True),
    ("sell_through", "auctions sold", True),
    ("gini", "Gini of suppliers", False),
)
PREPAID: Final = "metered"  # a trade at this mode is paid by use, not at once
REFUSED_SHOWN_MIN: Final = 0.005  # a smaller share needs no picture of its reasons
Marks = Sequence[tuple[int, str, float]]  # when, which kind, how much


def report(run: RunFolder) -> str:
    """Return the page. What a run has none of is left out."""
    trades, bids, usage = (run.table(name) for name in ("trades", "bids", "usage"))
    config = run.about["config"]
    parts = [
        page.cards(_headline(run)),
        _traded(trades, usage, config),
        _bidding(bids, config),
        _strategies(trades, bids),
        _earning(trades, usage),
        _using(usage, config),
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
            unit = f" {_currency(run.about['config'])}" if name == "revenue" else ""
            shown.append((what, f"{value:.1%}" if percent else in_short(value) + unit))
    return shown


def _traded(trades: list[Record], usage: list[Record], config: Record) -> str:
    """Draw what was paid over time, and at which prices, by format."""
    if not trades and not usage:
        return ""
    sold = [t for t in trades if t["price_minor"] and t["mode"] != PREPAID]
    paid = [(t["at_ms"], _words(t["mode"]), t["price_minor"] / 100) for t in sold]
    paid += [(u["at_ms"], "metered use", u["charge_minor"] / 100) for u in usage]
    totals: dict[str, float] = defaultdict(float)
    for _, kind, amount in paid:
        totals[kind] += amount
    pictures, currency = [], _currency(config)
    if whole := sum(totals.values()):
        most = max(totals, key=lambda name: totals[name])
        says = (
            f"{in_short(whole)} {currency} in all; {most} brought {totals[most] / whole:.0%} of it."
        )
        pictures.append(_over_time("Paid for data", says, paid, currency or "paid", config))
    prices = _grouped((_words(t["mode"]), t["price_minor"] / 100) for t in sold)
    if prices:
        title = "Prices by format"
        drawn = svg(drawings.spread(prices, f"price of a trade {currency}".strip()), title)
        says = "Box: the middle half. Line: the median. Whiskers: 5 % to 95 %."
        pictures.append(Picture(title, says, drawn))
    counts = Counter(_words(t["mode"]) for t in trades)
    title = "Trades by format"
    drawn = svg(drawings.ranked(counts.most_common(), "trades"), title)
    pictures.append(Picture(title, f"{len(trades):,} trades, free access included.", drawn))
    return page.section("What was traded", "", pictures)


def _bidding(bids: list[Record], config: Record) -> str:
    """Draw bids over time, why they were refused, and how many an auction gets."""
    if not bids:
        return ""
    refused = Counter(b["outcome"] for b in bids if b["outcome"] != PLACED)
    share = sum(refused.values()) / len(bids)
    marked = [(b["at_ms"], _words(b.get("format") or "bids"), 1.0) for b in bids]
    says = f"{len(bids):,} bids, of which {share:.1%} were refused."
    pictures = [_over_time("Bids", says, marked, "bids", config)]
    if share >= REFUSED_SHOWN_MIN:
        title = "Why bids were refused"
        ranks = [(_words(why), float(n)) for why, n in refused.most_common(RANKS_MAX)]
        drawn = svg(drawings.ranked(ranks, "bids"), title)
        pictures.append(Picture(title, f"Most often: {ranks[0][0]}.", drawn))
    each = Counter(b["auction_id"] for b in bids if b.get("format") != "dutch")
    if each:
        top = max(each.values())
        edges = [edge - 0.5 for edge in range(1, top + 2, max(1, top // 40))]
        title = "Bids in an auction"
        drawn = svg(drawings.histogram(list(each.values()), edges, ("bids", "auctions")), title)
        mean = sum(each.values()) / len(each)
        says = f"{mean:.1f} on average, {top} at most; without Dutch auctions, which end with one."
        pictures.append(Picture(title, says, drawn))
    return page.section("How it was bid for", "", pictures)


def _strategies(trades: list[Record], bids: list[Record]) -> str:
    """Draw what each strategy gained, and how often it won where it bid."""
    tried: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for bid in bids:
        if bid.get("strategy"):
            tried[bid["strategy"]].add((bid["auction_id"], bid["bidder_id"]))
    if len(tried) < STRATEGIES_MIN:
        return ""
    gained: dict[str, float] = defaultdict(float)
    won: Counter[str] = Counter()
    for trade in trades:
        if strategy := trade.get("strategy"):
            won[strategy] += 1
            gained[strategy] += (trade["value_minor"] - trade["price_minor"]) / 100
    pictures = []
    for title, says, figures in (
        (
            "What an auction brings the bidder",
            "Value less price, over all auctions it bid in; what is lost counts as nothing.",
            gained,
        ),
        ("How many bidders win, in per cent", "Of those who bid in an auction.", won),
    ):
        scale = 100 if figures is won else 1
        ranks = [(_words(name), scale * figures[name] / len(each)) for name, each in tried.items()]
        ranks.sort(key=lambda rank: -rank[1])
        pictures.append(Picture(title, says, svg(drawings.ranked(ranks, ""), title)))
    about = "By strategy. Values are known to the simulation alone."
    return page.section("Who bid well", about, pictures)


def _earning(trades: list[Record], usage: list[Record]) -> str:
    """Draw who earned most, and how unequally."""
    earned: dict[str, float] = defaultdict(float)
    for record in trades:
        if record["mode"] != PREPAID:
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


def _using(usage: list[Record], config: Record) -> str:
    if not usage:
        return ""
    clients: dict[str, float] = defaultdict(float)
    for record in usage:
        clients[record["grant_id"]] += record["quantity"]
    used = [(u["at_ms"], "units", float(u["quantity"])) for u in usage]
    says = f"{len(usage):,} uses of {len(clients):,} grants."
    pictures = [_over_time("Metered use", says, used, "units", config)]
    return page.section("What was used", "", pictures)


def _metrics(metrics: dict[str, Any]) -> str:
    rows = [(_words(name), _figure(value)) for name, value in sorted(metrics.items())]
    half = -(-len(rows) // 2)
    pairs = [(*one, *other) for one, other in zip_longest(rows[:half], rows[half:], fillvalue="")]
    header = ("figure", "value", "figure", "value")
    return page.section("All figures", "", more=page.table(header, pairs, texts=(2,)))


def _grouped(pairs: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = defaultdict(list)
    for name, amount in pairs:
        groups[name].append(amount)
    return dict(sorted(groups.items()))


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _currency(config: Record) -> str:
    return str(config.get("venue", {}).get("currency", ""))


def _about(run: RunFolder) -> str:
    return f"Seed {run.about['seed']}, config {run.about['config_sha256'][:12]}."


def _origin(run: RunFolder) -> dict[str, Any]:
    return {name: value for name, value in run.about.items() if name not in ("config", "metrics")}


def _over_time(title: str, says: str, marks: Marks, y_label: str, config: Record) -> Picture:
    labels, layers = by_time(marks)
    first, last = min(at_ms for at_ms, _, _ in marks), max(at_ms for at_ms, _, _ in marks)
    events = [
        ((at_ms - first) / (last - first) * (len(labels) - 1), what)
        for at_ms, what in _shocks(config)
        if first < at_ms < last
    ]
    drawn = svg(drawings.stacked(labels, layers, y_label, events), title, WIDE)
    return Picture(title, says, drawn, wide=True)


def _shocks(config: Record) -> Iterator[tuple[int, str]]:
    """Yield when each shock of the scenario begins, and what it does."""
    if "start" not in config:
        return
    start_ms = round(datetime.fromisoformat(config["start"]).timestamp() * 1000)
    for shock in config.get("shocks", ()):
        factors = [f"{w} ×{shock[w]:g}" for w in ("values", "use") if shock.get(w, 1) != 1]
        what = " ".join([_words(shock.get("field") or ""), *factors]).strip()
        yield start_ms + round(shock["at_day"] * DAY_MS), what


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
