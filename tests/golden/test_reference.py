"""The committed reference is what the code says."""

from pathlib import Path

import pytest

from services.reference.documents import documents

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
DOCUMENTS = documents()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_reference_equals_the_code(name: str) -> None:
    committed = (REFERENCE / name).read_text(encoding="utf-8")
    assert committed == DOCUMENTS[name], "python3 run.py schema export --out docs/reference"


def test_nothing_else_is_in_the_reference() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(DOCUMENTS)
