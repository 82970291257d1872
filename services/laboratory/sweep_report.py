"""A sweep's pictures: curves over one setting with the theory line, heat maps over two."""

from collections.abc import Iterator, Sequence
from math import nan
from typing import Any, Final

import msgspec

from services.laboratory import page
from services.laboratory.figures import Curve, curves, heat, svg
from services.laboratory.summary import Mean
from services.laboratory.sweep import Outcome
from services.laboratory.sweep_plan import Plan, Value

HEAT_VALUES_MIN: Final = 3  # on each side; fewer are better told by curves
CURVES_MAX: Final = 7
PANELS_MAX: Final = 12
ROWS_MAX: Final = 500


def report(plan: Plan, means: list[Mean], outcomes: list[Outcome]) -> str:
    """Return the page."""
    failed = [outcome for outcome in outcomes if outcome.error]
    title = plan.title or f"Sweep of {plan.subject}"
    about = (
        f"{len(plan.settings())} points, {plan.replications} replications each, with the same "
        f"random numbers at every point, seed {plan.seed}. Bars and ± are 95 % intervals."
    )
    parts = [_figures(plan, means, metric) for metric in dict.fromkeys(m.metric for m in means)]
    if failed:
        parts.insert(0, _failures(failed))
    parts.append(page.folded_part("All means", _table(plan, means)))
    asked = msgspec.json.format(msgspec.json.encode(plan)).decode()
    return page.page(title, about, [*parts, page.folded("The sweep as it was asked for", asked)])


def _figures(plan: Plan, means: list[Mean], metric: str) -> str:
    """Draw one metric over the axis with most numbers, a curve for each value of the next."""
    rows = [row for row in means if row.metric == metric]
    axes = _axes(plan, rows)
    if not axes:
        return page.section(metric, "")
    x, *others = axes
    pictures = []
    for where, panel in _panels(rows, others[1:]):
        lines = list(_curves(panel, x, others[:1]))[:CURVES_MAX]
        title = f"{metric} by {x}{where}"
        says = _says(panel, axes)
        pictures.append(page.Picture(title, says, svg(curves(lines, x, metric), title)))
        if others and min(len(_values(panel, name)) for name in (x, others[0])) >= HEAT_VALUES_MIN:
            title = f"{metric} by {x} and {others[0]}{where}"
            drawn = svg(_heat(panel, x, others[0]), title)
            pictures.append(page.Picture(title, "The mean at each point.", drawn))
    return page.section(metric, "", pictures[:PANELS_MAX])


def _axes(plan: Plan, rows: Sequence[Mean]) -> list[str]:
    """Return the swept names, numbers before words, more values before fewer."""

    def rank(name: str) -> tuple[bool, int]:
        values = _values(rows, name)
        return not all(_is_number(value) for value in values), -len(values)

    return sorted((name for name in plan.swept() if len(_values(rows, name)) > 1), key=rank)


def _panels(rows: list[Mean], names: Sequence[str]) -> Iterator[tuple[str, list[Mean]]]:
    """Part the rows by the values of what is on no axis."""
    kinds = dict.fromkeys(tuple(row.settings.get(name) for name in names) for row in rows)
    for kind in kinds:
        told = ", ".join(f"{name} = {value}" for name, value in zip(names, kind, strict=True))
        chosen = [row for row in rows if tuple(row.settings.get(n) for n in names) == kind]
        yield f", {told}" if told else "", chosen


def _curves(rows: list[Mean], x: str, by: Sequence[str]) -> Iterator[Curve]:
    for label, line in _panels(rows, by):
        points = sorted(line, key=lambda row: _place(row.settings[x]))
        lows = [row.low for row in points if row.low is not None]
        highs = [row.high for row in points if row.high is not None]
        bounded = len(lows) == len(points)
        yield Curve(
            label.removeprefix(", ") or "mean",
            [_place(row.settings[x]) for row in points],
            [row.mean for row in points],
            lows if bounded else (),
            highs if bounded else (),
            [row.theory for row in points],
        )


def _heat(rows: list[Mean], x: str, y: str) -> Any:
    xs, ys = _values(rows, x), _values(rows, y)
    means = {(row.settings.get(x), row.settings.get(y)): row.mean for row in rows}
    return heat(xs, ys, [[means.get((one, other), nan) for one in xs] for other in ys], (x, y))


def _says(rows: list[Mean], axes: Sequence[str]) -> str:
    best = max(rows, key=lambda row: row.mean)
    where = ", ".join(f"{name} = {best.settings.get(name)}" for name in axes)
    said = f"Highest {best.mean:.4g} at {where}."
    known = [row for row in rows if row.theory is not None and row.low is not None]
    if known:
        inside = sum(row.low <= row.theory <= row.high for row in known)  # type: ignore[operator]
        said += f" Theory lies within the interval at {inside} of {len(known)} points."
    return said


def _failures(failed: list[Outcome]) -> str:
    rows = [
        (
            ", ".join(f"{name}={value}" for name, value in one.settings.items()),
            str(one.seed),
            one.error,
        )
        for one in failed[:ROWS_MAX]
    ]
    shown = page.table(("settings", "seed", "error"), rows, texts=(2,))
    return page.section(f"{len(failed)} runs failed", "They are left out of the means.", more=shown)


def _table(plan: Plan, means: list[Mean]) -> str:
    swept = plan.swept()
    header = [*swept, "figure", "mean", "±", "theory", "runs", "failed"]
    rows = [
        [
            *(str(row.settings.get(name, "")) for name in swept),
            row.metric,
            f"{row.mean:.6g}",
            "" if row.high is None else f"{row.high - row.mean:.2g}",
            "" if row.theory is None else f"{row.theory:.6g}",
            str(row.replications),
            str(row.failed),
        ]
        for row in means[:ROWS_MAX]
    ]
    return page.table(header, rows)


def _values(rows: Sequence[Mean], name: str) -> list[Value]:
    present = dict.fromkeys(row.settings[name] for row in rows if name in row.settings)
    return sorted(present, key=lambda value: (_place(value), str(value)))


def _place(value: Value) -> float:
    return float(value) if _is_number(value) else 0.0


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
