"""Pictures as SVG that stands inside a page: no outside resources, the same bytes every time."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

# Told apart by readers who do not see all colours too (Okabe and Ito 2008), darkened for white.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#b08400", "#56a0d0", "#555555")
INK: Final = "#22303c"
FAINT: Final = "#d5dbe1"
WIDE: Final = (9.6, 3.2)  # inches: the page's width
HALF: Final = (5.2, 3.0)
_STYLE: Final[Any] = {  # matplotlib types each key apart
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "databourse",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": "#9aa7b2",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": "#e7ebef",
    "text.color": INK,
    "xtick.color": "#56636f",
    "ytick.color": "#56636f",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "image.cmap": "viridis",
}


class Curve(NamedTuple):
    """A line through means; `lows` and `highs` may be empty, and `theory` as well."""

    label: str
    xs: Sequence[float]
    means: Sequence[float]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()
    theory: Sequence[float | None] = ()


def svg(draw: Callable[[Axes], None], title: str, size: tuple[float, float] = HALF) -> str:
    """Return the picture as an SVG element, named for those who do not see it."""
    with _styled():
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        written = io.StringIO()
        with warnings.catch_warnings():  # letters the drawing font lacks are shown by the page's
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    element = text[text.index("<svg") :]
    return element.replace("<svg", f'<svg role="img" aria-label="{_escaped(title)}"', 1)


def curves(lines: Sequence[Curve], x_label: str, y_label: str) -> Callable[[Axes], None]:
    """Means with their intervals; theory as a dashed line of the same colour."""

    def draw(axes: Axes) -> None:
        for number, line in enumerate(lines):
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(line.xs, line.means, "o", ms=4, color=colour, label=line.label)
            if line.lows:
                axes.vlines(line.xs, line.lows, line.highs, color=colour, lw=1.4)
            known = [(x, y) for x, y in zip(line.xs, line.theory, strict=False) if y is not None]
            if known:
                axes.plot(*zip(*known, strict=True), "--", lw=1.2, color=colour)
            else:
                axes.plot(line.xs, line.means, "-", lw=1.2, color=colour)
        if any(one is not None for line in lines for one in line.theory):
            axes.plot([], [], "--", lw=1.2, color=INK, label="theory")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.margins(y=0.12)
        outside_legend(axes)

    return draw


def heat(
    xs: Sequence[Any], ys: Sequence[Any], cells: Sequence[Sequence[float]], labels: tuple[str, str]
) -> Callable[[Axes], None]:
    """`cells` has a row for each y, NaN where there is nothing."""

    def draw(axes: Axes) -> None:
        axes.grid(visible=False)
        shown = axes.imshow(cells, aspect="auto", origin="lower", interpolation="nearest")
        axes.set_xticks(range(len(xs)), [_short(x) for x in xs])
        axes.set_yticks(range(len(ys)), [_short(y) for y in ys])
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        if len(xs) * len(ys) <= 100:
            _write_cells(axes, cells, shown)
        bar = axes.figure.colorbar(shown, ax=axes)
        bar.outline.set_visible(False)

    return draw


def _write_cells(axes: Axes, cells: Sequence[Sequence[float]], shown: Any) -> None:
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            if cell == cell:
                red, green, blue, _ = shown.cmap(shown.norm(cell))
                dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.55
                colour = "white" if dark else INK
                axes.text(x, y, f"{cell:.3g}", ha="center", va="center", color=colour, fontsize=8)


def outside_legend(axes: Axes) -> None:
    """Put the legend above the drawing, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        columns = min(len(labels), 7)
        axes.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderpad=0
        )


def plain_numbers(axes: Axes, which: str = "y") -> None:
    """Write large numbers with k and M on this axis."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    if axis.get_scale() == "log":
        axis.set_major_locator(LogLocator(10, (1, 2, 5), numticks=12))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda number, _: in_short(number)))


def in_short(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


@contextmanager
def _styled() -> Iterator[None]:
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        yield
