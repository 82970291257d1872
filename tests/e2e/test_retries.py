"""Retries after a SIGKILL that fell between commit and answer: the same key gives the same answer,
and one effect.
"""

import asyncio
import time
from contextlib import closing
from typing import Any

import httpx2 as httpx
import pytest

from schemas.base import Command
from schemas.commands import TimePassed
from tests.builders.load import CLIENTS, Load, Wish, prepare
from tests.builders.places import EMBEDDED, Place, only
from tests.builders.trail import effects, findings, records

SECONDS_MAX = 30.0
AT_ONCE = 100


@pytest.fixture
def prepared(own_place: Place) -> tuple[Place, Load]:
    return own_place, prepare(own_place)


async def send_all(url: str, load: Load, wishes: list[Wish]) -> list[httpx.Response | Exception]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS_MAX, limits=limits) as http:
        calls = [
            http.post(path, json=body, headers={**load.headers(wish), "Prefer": "wait=20"})
            for wish in wishes
            for path, body in [wish[2:4]]
        ]
        return await asyncio.gather(*calls, return_exceptions=True)


def commit_unanswered(place: Place, load: Load, wishes: list[Wish]) -> None:
    """Send to a market that never answers; kill it once all is in the log."""
    server = place.silent()
    with closing(place.log()) as log:
        before = log.size

    async def run() -> list[Any]:
        sending = asyncio.create_task(send_all(server.url, load, wishes))
        end = time.monotonic() + SECONDS_MAX
        while commands(place, before) < len(wishes):
            assert time.monotonic() < end, "not all was committed"
            await asyncio.sleep(0.05)
        server.kill()
        return await sending

    answers = asyncio.run(run())
    assert all(isinstance(answer, httpx.TransportError) for answer in answers)


def commands(place: Place, start: int) -> int:
    return sum(
        isinstance(record.data, Command) and not isinstance(record.data, TimePassed)
        for record in records(place, start)
    )


def answers_to(place: Place, load: Load, wishes: list[Wish]) -> list[tuple[int, Any]]:
    server = place.server()
    answered = asyncio.run(send_all(server.url, load, wishes))
    server.kill()
    return [(answer.status_code, answer.json()) for answer in answered]


def retries(place: Place, load: Load, count: int) -> None:
    for start in range(0, count, AT_ONCE):
        wishes = [load.wish(n % CLIENTS) for n in range(min(AT_ONCE, count - start))]
        commit_unanswered(place, load, wishes)
        first = answers_to(place, load, wishes)
        assert all(status in (200, 402, 403, 409) for status, _ in first), first
        again = answers_to(place, load, wishes[::-1])[::-1]
        for wish, one, two in zip(wishes, first, again, strict=True):
            assert same(one) == same(two), wish
    done = effects(place)
    assert set(done.values()) == {1}
    assert findings(place) == []


def same(answer: tuple[int, Any]) -> Any:
    """Leave out what lives on after the command: a row may change, its key and reason may not."""
    status, body = answer
    return status, {name: body.get(name) for name in ("id", "grant_id", "type", "amount_minor")}


def test_a_retry_after_an_unanswered_commit_has_one_effect(prepared: tuple[Place, Load]) -> None:
    retries(*prepared, count=20)


@pytest.mark.long
@only(EMBEDDED, "own_place")
def test_a_thousand_retries_after_unanswered_commits_have_one_effect_each(
    prepared: tuple[Place, Load],
) -> None:
    retries(*prepared, count=1_000)
