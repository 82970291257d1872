"""Templates: one environment for each language, and what every page is given."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from schemas.money import MINOR_DIGITS, format_minor
from services.pages import words

TEMPLATES: Final = Path(__file__).parents[2] / "web" / "templates"


@cache
def environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = words.translations(language)
    made.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "word": partial(words.word, language),
        "money": _money,
        "time": _time,
        "title": partial(_title, language),
        "short": cut,
        "scaled": _scaled,
    }
    made.globals |= {"language": language, "languages": words.LANGUAGES, "query": _query}
    return made


def render(language: str, template: str, values: Mapping[str, Any]) -> str:
    return environment(language).get_template(template).render(values)


def _money(amount_minor: int | None, currency: str | None) -> str:
    return "—" if amount_minor is None or not currency else format_minor(amount_minor, currency)


def _time(at_ms: int | None) -> Markup:
    """The market's local time; UTC for machines, and for people who point at it."""
    if at_ms is None:
        return Markup("—")
    utc = words.utc_time(at_ms)
    said = Markup('<time datetime="{}" title="{}" data-ms="{}">{}</time>')
    return said.format(utc, utc, at_ms, words.local_time(at_ms))


def _title(language: str, row: Mapping[str, Any]) -> str:
    """A listing's name in the page's language, or in the other when it has none in that."""
    chinese, english = row["title_zh"], row["title_en"]
    return str((chinese or english) if language == "zh" else (english or chinese))


def _scaled(path: Sequence[Sequence[int]], currency: str) -> list[list[float]]:
    """Points of a price in whole units of its currency, for a picture."""
    return [[at_ms, price / 10 ** MINOR_DIGITS[currency]] for at_ms, price in path]


def cut(text: str) -> str:
    """An id or hash, cut for reading; the whole stands in the element's title."""
    return text if len(text) <= 16 else f"{text[:12]}…"


def _query(**given: Any) -> str:
    """A query string of what is not empty."""
    kept = {name: value for name, value in given.items() if value not in (None, "")}
    return f"?{urlencode(kept)}" if kept else ""
