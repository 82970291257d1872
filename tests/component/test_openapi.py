"""The description of the interface: valid, complete, and true to what is taken and given."""

import json
import re
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas.catalogue import CatalogueEntry, GrantTerms, Offer
from services.gateway.access import ACCESS
from services.gateway.app import openapi_document
from services.gateway.requests.catalogue import ListingBody
from tests.builders.exchange import ANY_USE, ENTRY, METERED

DOCUMENT = openapi_document()
OPERATIONS = [
    pytest.param(method.upper(), path, about, id=f"{method.upper()} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, about in operations.items()
]


def valid(value: Any, schema: Any) -> bool:
    """Whether a value follows a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(whole).is_valid(value)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', text))
    assert len(references) > 50
    for reference in references:
        node: Any = DOCUMENT
        for name in reference.split("/"):
            node = node[name]


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_operations_have_names_of_their_own() -> None:
    names = [about["operationId"] for _, _, about in (param.values for param in OPERATIONS)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z][a-z_]+", name) for name in names)


@pytest.mark.parametrize(("method", "path", "about"), OPERATIONS)
def test_each_operation_is_fully_described(method: str, path: str, about: Any) -> None:
    assert (method, path) in ACCESS
    assert len(about["summary"]) > 10, "its function needs a docstring"
    assert about["description"]
    assert len(about["tags"]) == 1
    assert about["x-databourse-role"]
    keys = [parameter["name"] for parameter in about["parameters"] if parameter["required"]]
    assert ("Idempotency-Key" in keys) == (method != "GET")
    for status in ("401", "404", "422", "429", "503"):
        assert status in about["responses"]


@pytest.mark.parametrize(("method", "path", "about"), OPERATIONS)
def test_each_example_follows_its_schema(method: str, path: str, about: Any) -> None:
    for parameter in about["parameters"]:
        assert valid(parameter["example"], parameter["schema"]), parameter["name"]
    answers = [answer for answer in about["responses"].values() if "content" in answer]
    for place in (about.get("requestBody", {}), *answers):
        for kind, content in place.get("content", {}).items():
            assert valid(content["example"], content["schema"]), (kind, content["example"])


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("CatalogueEntry", CatalogueEntry, ENTRY),
        ("Offer", Offer, METERED),
        ("GrantTerms", GrantTerms, ANY_USE),
    ],
)
def test_a_part_of_a_message_is_described_as_it_is_taken(name: str, kind: Any, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}"}
    assert valid(value, schema)
    assert msgspec.to_builtins(msgspec.convert(value, kind))
    assert not valid({**value, "colour": "red"}, schema)
    assert not valid({}, schema)


def test_a_body_with_a_wrong_part_is_refused_by_the_name_of_the_field() -> None:
    with pytest.raises(ValueError, match=r"(?s)entry.*`str`, got `int` - at `\$.title_zh`"):
        ListingBody(
            data_set_id="dst_1",
            entry={**ENTRY, "title_zh": 5},  # type: ignore[arg-type]
            offer={"mode": "free"},  # type: ignore[arg-type]
            grant_terms=ANY_USE,  # type: ignore[arg-type]
        )
