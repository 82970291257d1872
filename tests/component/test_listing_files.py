"""Listings as files: shown, applied, and nothing to change the second time."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.client.here import open_here
from tests.builders.cli import run
from tests.component.test_catalog_import import records

CSV = "day,mm\n2024-01-01,1.5\n"
LISTING = {
    "name": "rain",
    "title": "Rainfall",
    "content": "rain.csv",
    "entry": {
        "title_zh": "降雨量", "title_en": "Rainfall", "abstract_zh": "每日", "abstract_en": "daily",
        "field": "meteorology", "update_cycle": "daily", "provider_name": "Weather office",
        "licence": "CC-BY-4.0",
    },
    "offer": {"mode": "free"},
    "grant_terms": {"policy": {"permissions": [{"action": "use"}]}},
    "submit": True,
}  # fmt: skip


class Desk:
    """A folder with one listing file and its content, and the market it is applied to."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = folder / "market"
        self.file = folder / "rain.yaml"
        self.content = folder / "rain.csv"
        self._capsys = capsys
        self.write()
        self.content.write_text(CSV)

    def write(self, **changes: Any) -> None:
        text = yaml.safe_dump({**LISTING, **changes}, allow_unicode=True)
        self.file.write_text(text, encoding="utf-8")

    def apply(self, *options: str) -> tuple[int, str]:
        """Return the exit code and what was told."""
        words = ("listing", "apply", str(self.file), "--data", str(self.data), *options)
        code = run(*words)
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def changes(self, *options: str) -> dict[str, tuple[Any, Any]]:
        code, told = self.apply("--json", *options)
        assert code == 0, told
        [report] = json.loads(told)
        return {
            change["field"]: (change["before"], change["after"]) for change in report["changes"]
        }

    def listing_id(self) -> str:
        _, told = self.apply("--json", "--dry-run")
        return str(json.loads(told)[0]["listing_id"])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_a_dry_run_makes_nothing(desk: Desk) -> None:
    assert desk.changes("--dry-run")["status"] == (None, "under_review")
    assert not desk.data.exists()
    desk.apply("--yes")
    size = records(desk.data)
    desk.write(title="Rain", offer={"mode": "auction", "currency": "CNY"}, submit=False)
    assert desk.changes("--dry-run") == {
        "offer.mode": ("free", "auction"),
        "offer.currency": (None, "CNY"),
        "status": ("under_review", "draft"),
    }
    assert records(desk.data) == size


def test_the_second_time_there_is_nothing_to_change(desk: Desk) -> None:
    code, told = desk.apply("--yes")
    assert code == 0
    assert "entry.title_en: Rainfall" in told
    assert "status: under_review" in told
    size = records(desk.data)
    code, told = desk.apply()
    assert code == 0
    assert "nothing to change" in told
    assert records(desk.data) == size


def test_what_has_changed_is_revised_amended_and_submitted_again(desk: Desk) -> None:
    desk.apply("--yes")
    path = f"/v1/listings/{desk.listing_id()}"
    with open_here(desk.data) as here:
        here.operator.post(f"{path}/review", {"approved": True, "reason": "complete"})
    desk.content.write_text(CSV + "2024-01-02,0\n")
    entry = {**LISTING["entry"], "title_en": "Rain", "keywords": ["rain"]}
    desk.write(entry=entry, expires_at="2090-01-01")
    changed = desk.changes("--yes")
    assert list(changed) == [
        "content.sha256", "entry.title_en", "entry.keywords.0", "expires_at_ms", "status",
    ]  # fmt: skip
    assert changed["entry.title_en"] == ("Rainfall", "Rain")
    assert changed["status"] == ("listed", "under_review")
    assert desk.changes() == {}
    with open_here(desk.data) as here:
        row = here.operator.get(path)
        assert (row["title_en"], row["status"]) == ("Rain", "under_review")
        assert row["expires_at_ms"] == 3_786_912_000_000
        data_set = here.operator.get(f"/v1/data-sets/{row['data_set_id']}")
        assert data_set["content"]["row_count"] == 2


def test_new_content_alone_leaves_the_listing_listed(desk: Desk) -> None:
    desk.apply("--yes")
    path = f"/v1/listings/{desk.listing_id()}"
    with open_here(desk.data) as here:
        here.operator.post(f"{path}/review", {"approved": True, "reason": "complete"})
    for content in (CSV + "2024-01-02,0\n", CSV, CSV + "2024-01-02,0\n"):
        desk.content.write_text(content)
        assert list(desk.changes("--yes")) == ["content.sha256"]
    with open_here(desk.data) as here:
        assert here.operator.get(path)["status"] == "listed"


def test_without_anybody_to_ask_nothing_is_changed(desk: Desk) -> None:
    code, told = desk.apply()
    assert code == 2
    assert "nobody is there to ask; say --yes" in told


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"entry": {"title_en": "Rain"}}, "Object missing required field"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"name": "Rain of 2024"}, "$.name"),
        ({"content": "nowhere.csv"}, "nowhere.csv cannot be read"),
        ({"content": "rain.yaml"}, "is not told by its name"),
        ({"expires_at": "soon"}, "'soon' is no time"),
        ({"offer": {"mode": "metered", "tariff": {"unit": "row", "model": "standard",
          "currency": "CNY", "tiers": [{"up_to": 5, "unit_price_minor": "1"}]}}},
         "the last tier must have no bound"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_told(desk: Desk, changes: dict[str, Any], fault: str) -> None:
    desk.write(**changes)
    code, told = desk.apply("--yes")
    assert code == 2
    assert fault in told
    assert not desk.data.exists()


def test_a_file_that_refers_back_is_not_taken(desk: Desk) -> None:
    desk.file.write_text("a: &a [x]\nb: [*a, *a]\n")
    code, told = desk.apply()
    assert code == 2
    assert "references (*a) are not taken" in told
