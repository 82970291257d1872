"""The bytes of messages: canonical, equal to another's canonical JSON, and readable for good."""

import json
from pathlib import Path

import pytest
import rfc8785

from schemas.base import SchemaError
from schemas.envelope import (
    cloudevent_attributes,
    decode_message,
    decode_record,
    encode,
    iso_time,
)
from schemas.topics import TOPIC_OF
from tests.component.test_runner import run_in_groups

COMMITTED = Path(__file__).parents[1] / "data" / "records-v1.jsonl"


def test_records_written_by_earlier_versions_are_read_and_keep_their_bytes() -> None:
    lines = COMMITTED.read_bytes().splitlines()
    assert len(lines) > 30
    for line in lines:
        assert encode(decode_record(line)) == line


def test_every_kind_of_message_that_a_market_day_makes_is_among_the_committed_ones() -> None:
    committed = {json.loads(line)["data"]["type"] for line in COMMITTED.read_bytes().splitlines()}
    made = {json.loads(body)["data"]["type"] for _, body in run_in_groups(50).read(0)}
    assert made <= committed <= {kind.__name__ for kind in TOPIC_OF}


def test_our_bytes_are_canonical_json() -> None:
    for _, body in run_in_groups(50).read(0):
        assert rfc8785.dumps(json.loads(body)) == body


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"amount_minor": 0}, ">= 1"),
        ({"amount_minor": 1.5}, "got `float`"),
        ({"currency": "XXX"}, "currency"),
        ({"type": "Steal"}, "Invalid value 'Steal'"),
        ({"party_id": None}, "got `null`"),
    ],
)
def test_a_malformed_message_is_refused_with_its_field(change: dict, fault: str) -> None:
    sound = {
        "type": "Deposit",
        "id": "trf_abcdef",
        "at_ms": 5,
        "party_id": "pty_abcdef",
        "operator_id": "pty_operator",
        "currency": "CNY",
        "amount_minor": 7,
        "reference": "bank",
    }
    assert decode_message(json.dumps(sound).encode()).id == "trf_abcdef"
    with pytest.raises(SchemaError, match="not a message") as refused:
        decode_message(json.dumps({**sound, **change}).encode())
    assert fault in str(refused.value)


def test_cloudevents_attributes_of_a_record() -> None:
    record = next(
        record
        for record in (decode_record(body) for _, body in run_in_groups(50).read(0))
        if record.sequence == 3 and record.source == "gx/settlement"
    )
    attributes = cloudevent_attributes(record)
    assert attributes["specversion"] == "1.0"
    assert (attributes["id"], attributes["source"]) == ("settlement-3", "/venues/gx/settlement")
    assert attributes["partitionkey"] == "gx"
    assert attributes["time"] == iso_time(record.data.at_ms) == "2023-11-14T22:13:20.000Z"
