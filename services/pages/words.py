"""Two languages: texts from one catalogue, and amounts and times as people write them."""

import gettext
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES: Final = Path(__file__).parents[2] / "web" / "locale"
LANGUAGES: Final[Mapping[str, str]] = {"zh": "zh-Hans-CN", "en": "en"}  # by first part of a path
DEFAULT: Final = "zh"
HERE: Final = ZoneInfo("Asia/Shanghai")
_CAPITAL: Final = re.compile("(?<=[a-z])(?=[A-Z])")
CODE: Final = "code"  # the context of words that stand for a code of the interface


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the texts of a language. English is what the texts are written in."""
    source = LOCALES / f"{language}.po"
    if not source.is_file():
        return gettext.NullTranslations()
    with source.open("rb") as file:
        catalogue = read_po(file)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def word(language: str, code: str | None) -> str:
    """Return a code of the interface, such as `under_review`, in words; as it is when unknown."""
    if not code:
        return ""
    found = translations(language).pgettext(CODE, code)
    return found if found != code else _CAPITAL.sub(" ", code).replace("_", " ").lower()


def preferred(header: str) -> str:
    """Return the language an Accept-Language header asks for first."""
    for wish in header.lower().split(","):
        name = wish.strip()[:2]
        if name in LANGUAGES:
            return name
    return DEFAULT


def local_time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, HERE).strftime("%Y-%m-%d %H:%M:%S")


def utc_time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
