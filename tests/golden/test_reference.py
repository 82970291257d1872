"""The committed reference is what the code says, and what it says holds."""

import gzip
import json
import re
from pathlib import Path

import jsonschema
import pytest

from schemas.envelope import decode_record, encode
from schemas.topics import TOPIC_OF, TOPICS
from services.reference.asyncapi import asyncapi_document
from services.reference.documents import documents
from services.reference.examples import example_records
from services.reference.messages import components, record_schema
from services.reference.terms import TERMS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
ASYNCAPI = ROOT / "tests" / "data" / "asyncapi-3.0.0.json.gz"
DOCUMENTS = documents()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_reference_equals_the_code(name: str) -> None:
    committed = (REFERENCE / name).read_text(encoding="utf-8")
    is_current = committed == DOCUMENTS[name]  # a diff of it all would take pytest minutes
    assert is_current, "python3 run.py schema export --out docs/reference"


def test_nothing_else_is_in_the_reference() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(DOCUMENTS)


def test_the_topics_are_a_valid_asyncapi_document() -> None:
    meta = json.loads(gzip.decompress(ASYNCAPI.read_bytes()))
    validator = jsonschema.Draft7Validator(meta)
    document = asyncapi_document()
    assert [error.message for error in validator.iter_errors(document)] == []
    assert not validator.is_valid({**document, "channels": [1]})


def test_the_asyncapi_document_has_every_topic_message_and_reader() -> None:
    document = asyncapi_document()
    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    assert set(document["components"]["messages"]) == {kind.__name__ for kind in TOPIC_OF}
    for topic in TOPICS:
        for reader in topic.readers:
            operation = document["operations"][f"{reader.value}-receives-{topic.name}"]
            assert operation["channel"]["$ref"] == f"#/channels/{topic.name}"
        assert document["operations"][f"{topic.writer.value}-sends-{topic.name}"]


@pytest.mark.parametrize("name", ["asyncapi.json", "records.schema.json"])
def test_every_reference_inside_a_document_leads_somewhere(name: str) -> None:
    document = json.loads(DOCUMENTS[name])
    for pointer in set(re.findall(r'"\$ref": "#/([^"]+)"', DOCUMENTS[name])):
        node = document
        for step in pointer.split("/"):
            node = node[step]


def test_examples_are_records_of_today_and_of_most_kinds() -> None:
    validator = jsonschema.Draft202012Validator(record_schema())
    examples = example_records()
    for name, example in examples.items():
        assert encode(decode_record(example.body)) == example.body, name
        validator.validate(example.record)
    assert len(examples) >= 0.75 * len(TOPIC_OF), "python -m tests.builders.examples makes them"


def test_the_schema_refuses_what_the_codec_refuses() -> None:
    record = example_records()["Deposit"].record
    validator = jsonschema.Draft202012Validator(record_schema())
    for change in ({"amount_minor": 0}, {"currency": "XXX"}, {"colour": "red"}, {"type": "Steal"}):
        assert not validator.is_valid({**record, "data": {**record["data"], **change}}), change


def test_links_in_the_reference_lead_to_its_headings() -> None:
    text = DOCUMENTS["messages.md"]
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_every_term_names_something() -> None:
    schemas = components("{name}")
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    assert set(TERMS) <= set(schemas) | fields
