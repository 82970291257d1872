"""Clients that do all that can be done at once, remember what was acknowledged, and retry the last
wish after a crash.
"""

import random
import threading
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.builders.exchange import FREE, METERED
from tests.builders.places import Place, place_of

CLIENTS = 4
WISHES_PER_CLIENT_MAX = 5_000
ANSWER_SECONDS_MAX = 30.0
HOUR_MS = 3_600_000
FORMATS: dict[str, dict[str, Any]] = {
    "english": {"format": "english"},
    "sealed_first": {"format": "sealed_first_price"},
    "sealed_second": {"format": "sealed_second_price"},
    "uniform": {"format": "uniform", "licences": 3},
    "dutch": {
        "format": "dutch",
        "start_price_minor": 900_000,
        "step_minor": 1,
        "interval_ms": 1,
        "floor_price_minor": 500,
    },
}
SHORT_AUCTIONS = 12  # that end while the market is being killed
SHORT_MS = 2_500
Wish = tuple[str, str, str, dict[str, Any], str]  # kind, who, path, body, key


def prepare(where: Path | Place) -> "Load":
    """Make a market with auctions of every format, some of them short, a free listing, and for
    each client a party with money and a metered grant; return the load to put on it.
    """
    market = place_of(where).market()
    market.party("seller", "supplier")
    plan: dict[str, Any] = {"buyer_ids": [], "grant_ids": []}
    metered_id = market.listing("seller", METERED)
    plan["free_id"] = market.listing("seller", FREE)
    for index in range(CLIENTS):
        name = f"buyer{index}"
        plan["buyer_ids"].append(market.party(name, "buyer", money=10_000_000_000))
        budget = {"currency": "CNY", "budget_minor": 10_000_000}
        path = f"/v1/listings/{metered_id}/subscriptions"
        plan["grant_ids"].append(market.ok(name, "POST", path, budget)["grant_id"])
        market.ok(name, "POST", f"/v1/grants/{plan['grant_ids'][-1]}/usage", {"quantity": 50_000})
    plan["auction_ids"] = [
        market.auction("seller", lasts_ms=HOUR_MS, **terms) for terms in FORMATS.values()
    ]
    rounds = [list(FORMATS.values())[number % len(FORMATS)] for number in range(SHORT_AUCTIONS)]
    plan["auction_ids"] += [
        market.auction("seller", lasts_ms=SHORT_MS * number, **terms)
        for number, terms in enumerate(rounds, start=1)
    ]
    market.close()
    return Load(market.tokens, plan)


class Load:
    """`acknowledged` holds the ids of commands that were answered with 202, by kind."""

    def __init__(self, tokens: dict[str, str], plan: dict[str, Any]) -> None:
        self.acknowledged: dict[str, set[str]] = {kind: set() for kind in _WISHES}
        self._tokens = tokens
        self._plan = plan
        self._counts = [0] * CLIENTS
        self._pending: list[Wish | None] = [None] * CLIENTS
        self._randoms = [random.Random(seed) for seed in range(CLIENTS)]

    def wait_for(self, answers: int) -> None:
        """Return when so many more commands were acknowledged."""
        goal = self.answers + answers
        end = time.monotonic() + ANSWER_SECONDS_MAX
        while self.answers < goal and time.monotonic() < end:
            time.sleep(0.001)

    @property
    def answers(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def run(self, url: str, stop: threading.Event) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._client, args=(index, url, stop))
            for index in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, index: int, url: str, stop: threading.Event) -> None:
        with httpx.Client(base_url=url, timeout=5.0) as http:
            while not stop.is_set() and self._counts[index] < WISHES_PER_CLIENT_MAX:
                wish = self._pending[index] or self.wish(index)
                self._pending[index] = wish
                try:
                    answer = self.send(http, wish)
                except httpx.TransportError:
                    return  # the server was killed; this wish is sent again to the next one
                if answer.status_code == 202:
                    self.acknowledged[wish[0]].add(answer.json()["id"])
                    self._pending[index] = None
                else:
                    assert answer.status_code in (409, 503), answer.text  # 409: still running

    def send(self, http: httpx.Client, wish: Wish) -> httpx.Response:
        return http.post(wish[2], json=wish[3], headers=self.headers(wish))

    def headers(self, wish: Wish) -> dict[str, str]:
        _, who, _, _, key = wish
        return {"Authorization": f"Bearer {self._tokens[who]}", "Idempotency-Key": key}

    def wish(self, index: int) -> Wish:
        """Return the client's next wish, under a key of its own."""
        self._counts[index] += 1
        key = f"client-{index}-{self._counts[index]}"
        rng = self._randoms[index]
        kind = rng.choice(list(_WISHES))
        who, path, body = _WISHES[kind](self._plan, rng, index, sum(self._counts))
        return kind, who, path, body, key


def _deposit(plan: dict[str, Any], rng: random.Random, index: int, count: int) -> Any:
    money = {"currency": "CNY", "amount_minor": rng.randint(1, 99), "reference": f"bank {count}"}
    return "operator", f"/v1/parties/{plan['buyer_ids'][index]}/deposits", money


def _bid(plan: dict[str, Any], rng: random.Random, index: int, count: int) -> Any:
    maximum = 1_000 + 40 * count + rng.randint(0, 500)
    path = f"/v1/auctions/{rng.choice(plan['auction_ids'])}/bids"
    return f"buyer{index}", path, {"currency": "CNY", "max_price_minor": maximum}


def _use(plan: dict[str, Any], rng: random.Random, index: int, count: int) -> Any:
    path = f"/v1/grants/{plan['grant_ids'][index]}/usage"
    return f"buyer{index}", path, {"quantity": rng.randint(1, 5)}


def _access(plan: dict[str, Any], rng: random.Random, index: int, count: int) -> Any:
    return f"buyer{index}", f"/v1/listings/{plan['free_id']}/access-requests", {}


def _refund(plan: dict[str, Any], rng: random.Random, index: int, count: int) -> Any:
    body = {"amount_minor": rng.randint(1, 20), "reason": f"rows were missing {count}"}
    return "operator", f"/v1/grants/{plan['grant_ids'][index]}/refunds", body


def _top_up(plan: dict[str, Any], rng: random.Random, index: int, count: int) -> Any:
    path = f"/v1/grants/{plan['grant_ids'][index]}/top-ups"
    return f"buyer{index}", path, {"currency": "CNY", "amount_minor": rng.randint(1, 99)}


_WISHES = {
    "deposit": _deposit,
    "bid": _bid,
    "usage": _use,
    "access": _access,
    "refund": _refund,
    "top up": _top_up,
}
