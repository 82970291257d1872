"""Every operation of the description, fuzzed from its schemas by every role (schemathesis).

Whatever comes in: no server error, and no status, media type, header or body that the description
lacks; nothing taken that it forbids, and nothing called malformed that it allows.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation import GenerationMode

from schemas.parties import Role
from services.gateway.access import ACCESS, PUBLIC
from services.gateway.app import openapi_document
from tests.builders.operations import OPERATIONS, SPEAKERS, World, operation_name

QUICK_CASES, LONG_CASES = 5, 110  # of each mode
DOCUMENT = openapi_document()
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EITHER = "may be taken or not"
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@functools.cache
def described() -> Any:
    return schemathesis.openapi.from_dict(json.loads(json.dumps(DOCUMENT)))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


def test_the_description_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    described().validate()
    broken = json.loads(json.dumps(DOCUMENT))
    broken["paths"]["/v1/me"]["get"]["responses"] = 5
    with pytest.raises(ValueError, match="is not of type"):
        schemathesis.openapi.from_dict(broken).validate()


@pytest.mark.parametrize("operation", OPERATIONS, ids=operation_name)
def test_a_few_cases(shared: World, operation: tuple[str, str]) -> None:
    for mode in MODES:
        fuzz(shared, operation, QUICK_CASES, mode)


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS, ids=operation_name)
def test_many_cases(tmp_path: Path, operation: tuple[str, str]) -> None:
    world = World(tmp_path)
    try:
        for mode in MODES:
            fuzz(world, operation, LONG_CASES, mode)
    finally:
        world.market.stop()


def fuzz(world: World, operation: tuple[str, str], cases: int, mode: GenerationMode) -> None:
    """Half the cases are by those who may, half name things that are there."""
    method, path = operation
    about = described()[path][method]
    if mode is GenerationMode.NEGATIVE and not [*about.iter_parameters(), *about.body]:
        return  # nothing is asked for, so nothing can be wrong
    names = [parameter.name for parameter in about.path_parameters]
    allowed: list[Any] = [*ACCESS[operation]] or [*Role]
    anybody = [*Role, *([None] if ACCESS[operation] is PUBLIC else [])]
    speakers = st.one_of(st.sampled_from(sorted(allowed)), st.sampled_from(anybody))

    @seed(7)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(role=speakers, real=st.booleans(), data=st.data())
    def run(role: Role | None, real: bool, data: Any) -> None:
        speaker = "" if role is None else SPEAKERS[role]
        thing = world.subjects(speaker or "anna", "own", fresh=False)
        fixed = {name: thing(name) for name in names} if real else None
        case = data.draw(about.as_strategy(mode, path_parameters=fixed))
        if real:
            put_ids(case.body, thing)
            case.headers = {**(case.headers or {}), "Prefer": "wait=5"}
        answer = send(world, speaker, case)
        case.validate_response(answer, checks=CHECKS)
        check_taken(operation, role, answer)

    run()


def put_ids(body: Any, thing: Callable[[str], str]) -> None:
    """Let ids that could be real be so."""
    for name, value in body.items() if isinstance(body, dict) else ():
        if name in ("data_set_id", "controller_id") and isinstance(value, str):
            body[name] = thing(name)


def send(world: World, speaker: str, case: Any) -> Any:
    sent = case.as_transport_kwargs(base_url="http://testserver")
    headers = {name: value for name, value in sent["headers"].items() if name != "Authorization"}
    if speaker:
        headers["Authorization"] = f"Bearer {world.market.tokens[speaker]}"
    content = {"content": sent["data"]} if "data" in sent else {"json": sent.get("json")}
    try:
        request = world.market.http.build_request(
            sent["method"], sent["url"], headers=headers, params=sent["params"], **content
        )
    except (UnicodeError, ValueError):
        assume(False)  # what cannot be sent at all
    return world.market.http.send(request)


def check_taken(operation: tuple[str, str], role: Role | None, answer: Any) -> None:
    fault = forbidden(operation, answer.request)
    code = answer.json().get("type", "") if answer.status_code >= 400 else ""
    if fault == EITHER:
        return
    if fault:
        assert 400 <= answer.status_code < 500, f"{fault}: was taken: {shown(answer)}"
    elif role in (ACCESS[operation] or [role]):
        malformed = ("/problems/invalid_request", "/problems/malformed_json")
        assert code not in malformed, f"is allowed, and was refused: {shown(answer)}"


def forbidden(operation: tuple[str, str], request: Any) -> str:
    """Return in what a request departs from the description; empty if in nothing."""
    about = DOCUMENT["paths"][operation[1]][operation[0].lower()]
    stated = {(given["in"], given["name"]): given for given in about["parameters"]}
    split = urlsplit(str(request.url))
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]*)", re.escape(operation[1]))
    found = re.fullmatch(pattern, split.path)
    if found is None:
        return ""  # another path by now
    values = [("path", name, unquote(value)) for name, value in found.groupdict().items()]
    values += [("query", *pair) for pair in parse_qsl(split.query, keep_blank_values=True)]
    key = request.headers.get("idempotency-key")
    values += [] if key is None else [("header", "Idempotency-Key", key)]
    # Of a parameter that is there more than once the last one counts.
    for (place, name), value in {(place, name): value for place, name, value in values}.items():
        if (place, name) not in stated:
            return f"{place} {name} is not known"
        departed = departs(value, stated[place, name]["schema"])
        if departed is None:
            return EITHER
        if departed:
            return f"{place} {name} {value!r}"
    sent = {(place, name) for place, name, _ in values}
    missing = [name for name, given in stated.items() if given["required"] and name not in sent]
    if missing:
        return f"{missing} missing"
    return wrong_body(about, request)


def wrong_body(about: Any, request: Any) -> str:
    content = about.get("requestBody", {}).get("content", {})
    body = request.content
    if "application/json" not in content:
        return "" if content or not body else "a body where none is taken"
    if not body:
        return "the body is missing"
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return "another media type"
    try:
        value = json.loads(body)
    except ValueError:
        return "not JSON"
    return "" if follows(value, content["application/json"]["schema"]) else f"the body {value!r}"


def departs(text: str, schema: Any) -> bool | None:
    """Whether a parameter, read as what its schema asks for, departs from it; None for other ways
    to write a number or a yes, which may be taken or not.
    """
    kinds = {schema.get("type"), *(part.get("type") for part in schema.get("anyOf", ()))}
    if "integer" in kinds:
        if re.fullmatch(r"-?(0|[1-9]\d*)", text):
            return not follows(int(text), schema)
        return None if re.fullmatch(r"\s*[+-]?[\d_]+(\.0*)?\s*", text) else True
    if "boolean" in kinds:
        return False if text in ("true", "false") else None
    return not follows(text, schema)


def follows(value: Any, schema: Any) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return bool(jsonschema.Draft202012Validator(whole).is_valid(value))


def shown(answer: Any) -> str:
    request = answer.request
    return (
        f"{request.method} {request.url} {request.content!r} -> {answer.status_code} {answer.text}"
    )
