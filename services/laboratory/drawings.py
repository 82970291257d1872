"""What a run's report draws: amounts over time, by kind, and how they are spread."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes

from services.laboratory.figures import COLOURS, FAINT, INK, in_short, outside_legend, plain_numbers

_QUIET: Final = "#5b6873"
ROWS_MIN: Final = 5  # a single bar does not fill the picture
Draw = Callable[[Axes], None]


def stacked(
    labels: Sequence[str],
    layers: Mapping[str, Sequence[float]],
    y_label: str,
    marks: Sequence[tuple[float, str]] = (),
) -> Draw:
    """A bar for each label, parted into layers. `marks` are (place among the labels, what happened
    there).
    """

    def draw(axes: Axes) -> None:
        below = [0.0] * len(labels)
        places = range(len(labels))
        for number, (name, heights) in enumerate(layers.items()):
            colour = COLOURS[number % len(COLOURS)]
            axes.bar(places, heights, 0.82, bottom=below, color=colour, label=name)
            below = [one + other for one, other in zip(below, heights, strict=True)]
        top = max(below, default=0.0) or 1.0
        for number, (place, what) in enumerate(marks):
            axes.axvline(place, color=INK, lw=0.9, ls=(0, (3, 2)))
            axes.text(
                place,
                top * (1.03 + 0.08 * (number % 2)),
                f" {what}",
                fontsize=8,
                color=_QUIET,
                va="bottom",
            )
        every = max(1, len(labels) // 13)
        axes.set_xticks(places[::every], labels[::every])
        axes.set_xlim(-0.6, len(labels) - 0.4)
        axes.set_ylim(0, top * (1.22 if marks else 1.06))
        axes.set_ylabel(y_label)
        plain_numbers(axes)
        outside_legend(axes)

    return draw


def ranked(
    amounts: Sequence[tuple[str, float]], x_label: str, marked: frozenset[str] = frozenset()
) -> Draw:
    """A bar for each name, the first on top, with its amount beside it; some in another colour."""

    def draw(axes: Axes) -> None:
        names = [name for name, _ in amounts][::-1]
        widths = [amount for _, amount in amounts][::-1]
        colours = [COLOURS[1] if name in marked else COLOURS[0] for name in names]
        axes.barh(names, widths, 0.7, color=colours)
        for place, width in enumerate(widths):
            axes.annotate(
                in_short(width),
                (width, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=_QUIET,
            )
        axes.grid(visible=False)
        axes.tick_params(axis="y", length=0)
        least = min((0.0, *widths))
        axes.set_xlim(least * 1.14, (max(widths, default=0.0) or 1.0) * 1.14)
        axes.set_ylim(min(-0.6, len(names) - ROWS_MIN), len(names) - 0.4)
        axes.set_xlabel(x_label)
        plain_numbers(axes, "x")

    return draw


def spread(groups: Mapping[str, Sequence[float]], x_label: str, *, log: bool = True) -> Draw:
    """The middle half as a box, the median in it, whiskers from the 5th to the 95th percentile."""

    def draw(axes: Axes) -> None:
        names = list(groups)[::-1]
        drawn = axes.boxplot(
            [groups[name] for name in names],
            orientation="horizontal",
            tick_labels=names,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            widths=0.55,
            medianprops={"color": "white", "linewidth": 1.8},
            whiskerprops={"color": _QUIET},
            capprops={"color": _QUIET},
        )
        for box in drawn["boxes"]:
            box.set(facecolor=COLOURS[0], edgecolor=COLOURS[0])
        if log:
            axes.set_xscale("log")
            plain_numbers(axes, "x")
        axes.grid(visible=False)
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(x_label)

    return draw


def lorenz(amounts: Sequence[float], who: str, what: str) -> Draw:
    """Which share of `what` the smallest share of `who` has together."""

    def draw(axes: Axes) -> None:
        ordered, total = sorted(amounts), sum(amounts) or 1.0
        shares, running = [0.0], 0.0
        for amount in ordered:
            running += amount
            shares.append(running / total)
        places = [place / len(ordered) for place in range(len(ordered) + 1)]
        axes.plot((0, 1), (0, 1), color=FAINT, lw=1.2)
        axes.fill_between(places, shares, places, color=COLOURS[0], alpha=0.14, lw=0)
        axes.plot(places, shares, color=COLOURS[0])
        axes.text(0.48, 0.54, "all alike", rotation=30, color=_QUIET, fontsize=8)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel(f"share of {who}, smallest first")
        axes.set_ylabel(f"share of {what}")

    return draw


def histogram(sample: Sequence[float], edges: Sequence[float], labels: tuple[str, str]) -> Draw:
    """How many lie between each two edges."""

    def draw(axes: Axes) -> None:
        axes.hist(sample, bins=list(edges), color=COLOURS[0], rwidth=0.92)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        plain_numbers(axes)

    return draw
