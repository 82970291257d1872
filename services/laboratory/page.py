"""A report as one HTML file that needs nothing else: no script, no font, no address."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NamedTuple

from services import __version__

_STYLE: Final = """
:root { color-scheme: light; --ink: #22303c; --soft: #5b6873; --line: #e1e6eb; --tint: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 15px/1.55 "Helvetica Neue", "Segoe UI",
  "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 40px 0 4px; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 0 0 12px; max-width: 72ch; } .soft { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px;
  margin: 20px 0 8px; }
.card { background: var(--tint); border-radius: 8px; padding: 10px 14px; }
.card b { display: block; font-size: 22px; font-weight: 600; line-height: 1.3; }
.card span { color: var(--soft); font-size: 13px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 24px; }
figure { margin: 12px 0 0; } figure.wide { grid-column: 1 / -1; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); font-size: 13px; margin-bottom: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; margin-top: 8px; }
th, td { text-align: right; padding: 4px 12px; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child { text-align: left;
  padding-left: 0; } td.text, th.text { text-align: left; }
pre { background: var(--tint); border-radius: 8px; padding: 12px 14px; overflow: auto;
  max-height: 420px; font-size: 12.5px; line-height: 1.45; }
summary { cursor: pointer; margin-top: 28px; color: var(--soft); }
footer { margin-top: 48px; color: var(--soft); font-size: 13px; }
@media (max-width: 520px) { .figures { grid-template-columns: 1fr; } }
"""


class Picture(NamedTuple):
    """`svg` as `figures.svg` makes it; `says` is the sentence a reader should take away."""

    title: str
    says: str
    svg: str
    wide: bool = False


def page(title: str, about: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><main><h1>{escape(title)}</h1>"
        f'<p class="soft">{escape(about)}</p>\n{body}\n'
        f"<footer>databourse {escape(__version__)}</footer></main></body></html>\n"
    )


def cards(figures: Iterable[tuple[str, str]]) -> str:
    """Return figures with what they are, large."""
    shown = "".join(
        f'<div class="card"><b>{escape(figure)}</b><span>{escape(what)}</span></div>'
        for what, figure in figures
    )
    return f'<div class="cards">{shown}</div>'


def section(title: str, about: str, pictures: Sequence[Picture] = (), more: str = "") -> str:
    drawn = "".join(
        f"<figure{' class=wide' if picture.wide else ''}><h3>{escape(picture.title)}</h3>"
        f"<figcaption>{escape(picture.says)}</figcaption>{picture.svg}</figure>"
        for picture in pictures
    )
    shown = f'<div class="figures">{drawn}</div>' if drawn else ""
    said = f'<p class="soft">{escape(about)}</p>' if about else ""
    return f"<section><h2>{escape(title)}</h2>{said}{shown}{more}</section>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[int] = ()) -> str:
    """Return a table; columns of `texts` are written from the left, as the first is."""
    kinds = [' class="text"' if number in texts else "" for number in range(len(header))]
    head = "".join(f"<th{kind}>{escape(cell)}</th>" for kind, cell in zip(kinds, header))  # noqa: B905
    lines = "".join(
        "<tr>" + "".join(f"<td{k}>{escape(cell)}</td>" for k, cell in zip(kinds, row)) + "</tr>"  # noqa: B905
        for row in rows
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody>"
    return f'<div class="scroll"><table>{inside}</table></div>'


def folded(title: str, text: str) -> str:
    return folded_part(title, f"<pre>{escape(text)}</pre>")


def folded_part(title: str, part: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{part}</details>"
