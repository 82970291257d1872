"""Every text of the pages stands in both languages, and no page carries code of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services.pages.codes import codes
from services.pages.words import CODE, LOCALES, preferred, word

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
FORMS = {"_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"**.html": {"extensions": "jinja2.ext.i18n", "trim_blocks": "true"}}


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (LOCALES / "zh.po").open("rb") as file:
        return read_po(file)


def said() -> Iterator[str]:
    methods = [("**.html", "jinja2.ext.babel_extract")]
    for _, _, message, _, _ in extract_from_dir(TEMPLATES, methods, OPTIONS, keywords=FORMS):
        yield message if isinstance(message, str) else message[0]


def filled(text: object) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", str(text)))


def test_every_text_and_code_has_its_chinese(chinese: Catalog) -> None:
    lacking = [text for text in said() if not (chinese.get(text) and chinese.get(text).string)]
    assert lacking == []
    assert [code for code in codes() if not chinese.get(code, CODE)] == []


def test_no_chinese_is_left_of_a_text_that_is_gone(chinese: Catalog) -> None:
    known = {*said()} | {(code, CODE) for code in codes()}
    left = [
        text.id
        for text in chinese
        if text.id
        and (text.id if isinstance(text.id, str) else text.id[0]) not in known
        and (text.id, text.context) not in known
    ]
    assert left == []


def test_what_is_filled_in_is_the_same_in_both(chinese: Catalog) -> None:
    for text in chinese:
        for translated in text.string if isinstance(text.string, tuple) else (text.string,):
            given = text.id if isinstance(text.id, str) else text.id[0]
            assert not text.id or filled(translated) == filled(given), text.id


def test_a_code_is_said_in_words() -> None:
    assert word("zh", "under_review") == "审核中"
    assert word("en", "under_review") == "under review"
    assert word("en", "FundsReserved") == "funds reserved"
    assert word("zh", "a_code_of_tomorrow") == "a code of tomorrow"


@pytest.mark.parametrize(
    ("header", "language"),
    [("en-GB,en;q=0.9", "en"), ("zh-CN", "zh"), ("fr,en;q=0.5", "en"), ("", "zh"), ("de", "zh")],
)
def test_the_language_is_the_first_known_one_asked_for(header: str, language: str) -> None:
    assert preferred(header) == language
