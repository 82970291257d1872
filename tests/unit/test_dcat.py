"""Catalogue files as they come: every fault named, every right entry mapped."""

import json
from pathlib import Path

import msgspec
import pytest

from schemas.catalogue import CatalogueEntry, Field, UpdateCycle
from services.dcat.mapping import data_set_of, entry_of, field_of
from services.dcat.reading import CatalogueFileError, read_entries

FILES = Path(__file__).parents[1] / "data" / "dcat-us"
RAIN = {
    "title": "Rainfall",
    "description": "Daily rainfall",
    "keyword": ["weather"],
    "modified": "2024-05-31",
    "publisher": {"name": "Weather office"},
    "contactPoint": {"fn": "Data desk", "hasEmail": "mailto:desk@weather.example"},
    "identifier": "rain-1",
    "accessLevel": "public",
}


def written(folder: Path, *data_sets: object) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps({"dataset": data_sets}))
    return path


def faults(folder: Path, **changes: object) -> list[str]:
    [entry] = read_entries(written(folder, {**RAIN, **changes}))
    return entry.faults


@pytest.mark.parametrize(
    ("name", "count"),
    [("usda.gov", 3), ("arm", 3), ("ny", 1), ("many-resources", 1), ("null-spatial", 1)],
)
def test_good_files_are_wholly_right(name: str, count: int) -> None:
    entries = read_entries(FILES / f"{name}.data.json")
    assert [entry.faults for entry in entries] == [[]] * count
    for entry in entries:
        assert entry_of(entry.data_set).identifier == entry.identifier


def test_every_missing_field_is_named() -> None:
    empty, undescribed = read_entries(FILES / "missing-dataset-fields.data.json")
    assert [fault.partition(":")[0] for fault in empty.faults] == [
        "title", "description", "keyword", "modified", "publisher", "contactPoint", "identifier",
        "accessLevel",
    ]  # fmt: skip
    assert undescribed.identifier == "IDF6-OPM-0001"
    assert undescribed.faults == ["description: missing, expected text of 1 to 10,000 characters"]


def test_wrong_entries_stand_beside_right_ones() -> None:
    entries = read_entries(FILES / "missing-identifier-title.data.json")
    assert [(entry.index, entry.identifier, len(entry.faults)) for entry in entries] == [
        (0, None, 1),
        (1, "Test-0001", 0),
        (2, "Test-0002", 1),
    ]
    assert entries[0].faults[0].startswith("identifier: missing")
    assert entries[2].faults[0].startswith("title: missing")


def test_a_number_for_a_title_is_told_with_its_value() -> None:
    [entry] = read_entries(FILES / "numerical-title.data.json")
    assert entry.faults == ["title: found a number, 707, expected text of 1 to 200 characters"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"title": ""}, "title: found empty text, expected text of 1 to 200"),
        ({"title": "x" * 201}, "title: found text of 201 characters, expected"),
        ({"keyword": []}, "keyword: found an empty list, expected a list of 1 to 200 keywords"),
        ({"keyword": ["a", 5]}, "keyword.1: found a number, 5, expected text"),
        ({"modified": "yesterday"}, 'modified: found text, "yesterday", expected a date'),
        ({"publisher": {}}, "publisher.name: missing, expected text of 1 to 200"),
        ({"publisher": None}, "publisher: found null, expected an object"),
        ({"contactPoint": {"fn": "x"}}, "contactPoint.hasEmail: missing, expected an address"),
        ({"accessLevel": "secret"}, 'accessLevel: found text, "secret", expected public,'),
        ({"accrualPeriodicity": "often"}, 'accrualPeriodicity: found text, "often", expected'),
        ({"distribution": ["x"]}, 'distribution.0: found text, "x", expected an object'),
    ],
)
def test_a_fault_names_the_field_what_was_found_and_what_is_expected(
    tmp_path: Path, changes: dict, fault: str
) -> None:
    [found] = faults(tmp_path, **changes)
    assert found.startswith(fault)


def test_all_faults_of_an_entry_are_told(tmp_path: Path) -> None:
    assert len(faults(tmp_path, title=7, keyword=[], accessLevel=None)) == 3


def test_what_is_optional_may_be_null_or_missing(tmp_path: Path) -> None:
    names = ("spatial", "license", "theme", "distribution", "issued", "bureauCode", "temporal")
    assert faults(tmp_path, **dict.fromkeys(names)) == []


def test_the_second_of_two_with_one_identifier_is_wrong(tmp_path: Path) -> None:
    first, second = read_entries(written(tmp_path, RAIN, {**RAIN, "title": "Other"}))
    assert first.faults == []
    assert second.faults == ['identifier: found text, "rain-1", which entry 0 has already']


def test_an_entry_that_is_no_object_is_wrong(tmp_path: Path) -> None:
    entries = read_entries(written(tmp_path, 5, None, [], RAIN))
    assert [len(entry.faults) for entry in entries] == [1, 1, 1, 0]
    assert entries[0].faults[0].startswith("entry: found a number, 5, expected an object")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"dataset": [{"title": NaN}]}', "not JSON"),
        (b'{"dataset": []} {}', "not JSON"),
        (b'{"dataset": ["\xff"]}', "not UTF-8 at byte 14"),
        ("{}".encode("utf-16"), "not UTF-8 at byte 0"),
        (b"[]", "not a catalogue"),
        (b'"dataset"', "not a catalogue"),
        (b"{}", "missing required field `dataset`"),
        (b'{"dataset": {}}', "Expected `array`"),
        (b'{"dataset": null}', "Expected `array`"),
        (b'{"dataset": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deeply"),
        (b'{"other": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", "nested too deeply"),
    ],
)
def test_a_file_that_is_no_catalogue_is_told(tmp_path: Path, body: bytes, fault: str) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(body)
    with pytest.raises(CatalogueFileError, match=fault):
        read_entries(path)


def test_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, RAIN)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_entries(path)[0].faults == []


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)
    with pytest.raises(CatalogueFileError, match="larger than 104,857,600 bytes"):
        read_entries(path)
    with pytest.raises(CatalogueFileError, match="cannot be read"):
        read_entries(tmp_path)


@pytest.mark.parametrize(
    ("repeat", "cycle"),
    [("R/P1D", "daily"), ("R/P3M", "quarterly"), ("R/P10Y", "other"), (None, "other")],
)
def test_the_update_cycle_comes_from_the_repeating_interval(
    repeat: str | None, cycle: UpdateCycle
) -> None:
    assert entry_of({**RAIN, "accrualPeriodicity": repeat}).update_cycle == cycle


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"theme": ["health"]}, Field.HEALTH),
        ({"theme": ["Work safety"]}, Field.WORK_SAFETY),
        ({"theme": ["Other"], "keyword": ["Road traffic"]}, Field.TRANSPORT),
        ({"keyword": ["x"], "title": "Marine buoys"}, Field.OCEAN),
        ({"keyword": ["x"], "title": "y"}, Field.STATISTICS),
    ],
)
def test_the_field_comes_from_theme_then_keywords_then_title(words: dict, field: Field) -> None:
    assert field_of({**RAIN, **words}) is field


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"accessLevel": "non-public", "rights": "held by law"},
        {"accessLevel": "non-public"},
        {"accessLevel": "restricted public", "rights": "on request"},
        {"accessLevel": "restricted public"},
        {"license": "CC0", "issued": "2020-01-02", "accrualPeriodicity": "R/P1M"},
        {"landingPage": "https://weather.example/rain", "theme": ["ocean"]},
        {"distribution": [{"mediaType": "text/csv"}, {"format": "cdf"}]},
        {"titleZh": "降雨量", "descriptionZh": "每日降雨量"},
    ],
)
def test_an_entry_that_went_out_comes_back_as_it_was(tmp_path: Path, more: dict) -> None:
    entry = entry_of({**RAIN, **more})

    listing = {"id": "lst_rain01", "entry": msgspec.to_builtins(entry)}
    [back] = read_entries(written(tmp_path, data_set_of(listing, "2024-01-01", ("x", "x@y.z"))))
    assert back.faults == []
    assert entry_of(back.data_set) == entry


def test_an_entry_of_our_own_goes_out_with_what_the_form_asks_for(tmp_path: Path) -> None:
    entry = {
        "title_zh": "降雨量", "title_en": "Rainfall", "abstract_zh": "每日", "abstract_en": "daily",
        "field": "meteorology", "update_cycle": "daily", "provider_name": "Weather office",
        "licence": "CC-BY-4.0",
    }  # fmt: skip
    listing = {"id": "lst_rain01", "entry": entry}
    data_set = data_set_of(listing, "2024-01-01", ("Desk", "desk@gx.example"))
    [back] = read_entries(written(tmp_path, data_set))
    assert back.faults == []
    assert isinstance(entry_of(back.data_set), CatalogueEntry)
    assert back.identifier == "lst_rain01"
