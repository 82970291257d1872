"""A webhook's message survives the death of its sender, under the id it had."""

import json
from typing import Any

import httpx2 as httpx
import pytest

from tests.builders.places import Place
from tests.builders.receiver import Receiver

pytestmark = pytest.mark.long
KILLS = 3
PRIVATE = "--allow-private-webhooks"


def test_a_message_under_way_when_the_market_is_killed_is_delivered_after_it(
    own_place: Place,
) -> None:
    receiver = Receiver()
    server = own_place.server(PRIVATE)
    token = json.loads((own_place.folder / "first-tokens.json").read_text())["operator"]

    def call(method: str, path: str, key: str = "", body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        if not key:
            del headers["Idempotency-Key"]
        answer = httpx.request(method, server.url + path, json=body, headers=headers)
        return answer.raise_for_status().json()

    hook = call(
        "POST", "/v1/webhooks", "hook", {"target_url": receiver.url, "kinds": ["bid.outbid"]}
    )
    path = f"/v1/webhooks/{hook['id']}"
    receiver.answers = [None] * KILLS  # so that no delivery is ever noted
    call("POST", f"{path}/pings", "ping")
    for _ in range(KILLS):
        assert receiver.came.wait(30.0)
        server.kill()
        receiver.came.clear()
        server = own_place.server(PRIVATE)
    while call("GET", f"{path}/deliveries")["items"][0]["status"] != "delivered":
        pass
    assert len(receiver.received) == KILLS + 1
    assert len({message.id for message in receiver.received}) == 1
    receiver.close()
    assert server.stop() == 0
