"""Records on a topic: what is written can be read, and what others wrote is refused in words."""

import pytest

from schemas.base import SchemaError
from schemas.envelope import cloudevent_attributes
from schemas.events import TimeAdvanced
from streams.kafka.wire import from_wire, to_wire
from streams.scribe import Scribe

RECORD = Scribe("gx", {"settlement": 6}).write(
    TimeAdvanced(at_ms=1_700_000_000_000, now_ms=1_700_000_000_000), "tick_1", "tick_1"
)
VALUE, HEADERS = to_wire(RECORD)


def test_a_record_is_read_as_it_was_written() -> None:
    assert from_wire("ledger", 0, 0, VALUE, HEADERS) == RECORD


def test_headers_are_the_cloudevents_attributes_and_the_version_of_the_rules() -> None:
    told = {name.removeprefix("ce_"): text.decode() for name, text in HEADERS}
    assert told.pop("content-type") == "application/json"
    assert told.pop("rulesversion") == "2"
    assert told == cloudevent_attributes(RECORD)
    assert told["sequence"] == "7"


def test_an_attribute_without_a_value_is_no_header() -> None:
    _, headers = to_wire(Scribe("gx", {}).write(RECORD.data, ""))
    assert not {"ce_correlationid", "ce_causationid"} & dict(headers).keys()


@pytest.mark.parametrize("name", ["ce_source", "ce_correlationid", "ce_sequence"])
def test_a_header_that_is_null_is_refused(name: str) -> None:
    headers = {**dict(HEADERS), name: None}
    with pytest.raises(SchemaError, match="a header has no value"):
        from_wire("ledger", 0, 0, VALUE, headers.items())  # type: ignore[arg-type]
