"""A key and its retries, on every route that changes something."""

from collections.abc import Iterator

import pytest

from schemas.parties import Role
from services.gateway.access import ACCESS
from services.gateway.app import openapi_document
from tests.builders.operations import MUTATING, SPEAKERS, World, operation_name, send
from tests.builders.places import EMBEDDED, Place, only


@pytest.fixture(scope="module")
def world(place: Place) -> Iterator[World]:
    made = World(place)
    yield made
    made.close()


def speaker_of(operation: tuple[str, str]) -> str:
    """One of those who may; a trader rather than the house, as it has more to lose."""
    order = (Role.BUYER, Role.SUPPLIER, Role.OPERATOR, Role.REGULATOR, Role.THIRD_PARTY)
    return SPEAKERS[next(role for role in order if role in ACCESS[operation])]


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


@pytest.mark.parametrize("operation", MUTATING, ids=operation_name)
def test_without_a_key_nothing_is_done(world: World, operation: tuple[str, str]) -> None:
    speaker = speaker_of(operation)
    thing = world.subjects(speaker, "own", fresh=False)
    thing_made = send(world, speaker, operation, thing, key=None)
    assert code(thing_made) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("operation", MUTATING, ids=operation_name)
def test_a_retry_has_no_effect_and_the_same_answer(
    world: World, operation: tuple[str, str]
) -> None:
    speaker = speaker_of(operation)
    thing = world.subjects(speaker, "own", fresh=True)
    first = send(world, speaker, operation, thing, key="once")
    size = world.market.size
    again = send(world, speaker, operation, thing, key="once")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert world.market.size == size


@pytest.mark.parametrize("operation", MUTATING, ids=operation_name)
def test_another_wish_under_the_same_key_is_refused(
    world: World, operation: tuple[str, str]
) -> None:
    method, path = operation
    speaker = speaker_of(operation)
    thing = world.subjects(speaker, "own", fresh=True)
    send(world, speaker, operation, thing, key="twice")
    if "requestBody" in openapi_document()["paths"][path][method.lower()]:
        other = send(world, speaker, operation, thing, key="twice", change=True)
        assert code(other) == (422, "idempotency_key_reused")
        return
    url = path.format_map(Named(thing))
    other = world.market.call(speaker, method, url, {"colour": "red"}, key="twice")
    assert code(other) == (422, "invalid_request"), "what nobody reads is not taken"


@only(EMBEDDED)  # looks into the process; test_gateways has what a cluster does
@pytest.mark.parametrize("operation", MUTATING, ids=operation_name)
def test_a_call_still_under_way_is_not_begun_again(
    world: World, operation: tuple[str, str]
) -> None:
    speaker = speaker_of(operation)
    thing = world.subjects(speaker, "own", fresh=True)
    url = operation[1].format_map(Named(thing))
    running = world.market.http.app.state.running
    call = (world.market.ids[speaker], url, "busy")
    running.add(call)
    try:
        busy = send(world, speaker, operation, thing, key="busy")
    finally:
        running.remove(call)
    assert code(busy) == (409, "still_running")
    afterwards = send(world, speaker, operation, thing, key="busy")
    assert afterwards.is_success or code(afterwards)[1] != "still_running"


class Named(dict):
    """Path parameters, asked for by name."""

    def __init__(self, thing) -> None:
        self._thing = thing

    def __missing__(self, name: str) -> str:
        return self._thing(name)
