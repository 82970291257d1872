"""A wish is sent until it is answered: under one key, a bounded number of times."""

from collections.abc import Callable

import httpx2 as httpx
import pytest

from services.client.connection import ATTEMPTS_MAX, Connection, Refused
from services.commands import UsageError

BUSY = {"type": "/problems/overloaded", "detail": "Try again later."}
RUNNING = {"type": "/problems/still_running", "detail": "Retry."}
Answer = httpx.Response | Exception


class Line(httpx.BaseTransport):
    """Gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def ask(line: Line, act: Callable[[Connection], object]) -> object:
    with httpx.Client(transport=line, base_url="http://market") as http:
        return act(Connection(http, "dbt_secret", first_pause_s=0.0))


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("silent"),
        httpx.Response(503, json=BUSY),
        httpx.Response(429, json=BUSY, headers={"Retry-After": "0"}),
        httpx.Response(409, json=RUNNING),
        httpx.Response(202, json={"id": "cmd_1", "status": "accepted"}),
    ],
    ids=repr,
)
def test_what_passes_is_tried_again_under_the_same_key(passing: Answer) -> None:
    line = Line(passing, passing, httpx.Response(200, json={"id": "pty_1"}))
    assert ask(line, lambda to: to.post("/v1/parties", {}, key="wish-1")) == {"id": "pty_1"}
    assert [request.headers["Idempotency-Key"] for request in line.requests] == ["wish-1"] * 3
    assert line.requests[0].headers["Authorization"] == "Bearer dbt_secret"
    assert line.requests[0].headers["Prefer"] == "wait=10"


def test_it_is_tried_a_bounded_number_of_times() -> None:
    line = Line(httpx.ConnectError("refused"))
    with pytest.raises(UsageError, match="is not reached") as told:
        ask(line, lambda to: to.post("/v1/parties", {}, key="wish-1"))
    assert told.value.exit_code == 3
    assert "add --key wish-1" in str(told.value)
    assert "dbt_secret" not in str(told.value)
    assert len(line.requests) == ATTEMPTS_MAX


def test_what_could_have_a_second_effect_is_sent_once() -> None:
    line = Line(httpx.ReadTimeout("silent"))
    with pytest.raises(UsageError):
        ask(line, lambda to: to.send("POST", "/v1/parties"))
    assert len(line.requests) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(402, json={"type": "/problems/poor", "detail": "Deposit."}), "poor"),
        (httpx.Response(409, json={"type": "/problems/listed", "detail": "No."}), "listed"),
        (httpx.Response(500, text="<html>"), "http_error"),
        (httpx.Response(404, json=[]), "http_error"),
    ],
    ids=repr,
)
def test_a_refusal_is_told_at_once(answer: httpx.Response, code: str) -> None:
    line = Line(answer)
    with pytest.raises(Refused) as told:
        ask(line, lambda to: to.post("/v1/parties", {}, key="wish-1"))
    assert told.value.code == code
    assert told.value.exit_code == 1
    assert len(line.requests) == 1


def test_without_waiting_acceptance_is_the_answer() -> None:
    line = Line(httpx.Response(202, json={"id": "cmd_1", "status": "accepted"}))
    answer = ask(line, lambda to: to.send("POST", "/v1/parties", key="wish-1").json())
    assert answer == {"id": "cmd_1", "status": "accepted"}
    assert len(line.requests) == 1
