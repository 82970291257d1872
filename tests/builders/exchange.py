"""A whole market behind HTTP, in this process, with parties and their tokens."""

import copy
import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
from starlette.testclient import TestClient

from services.gateway.app import create_app
from services.opening import TOKENS_NAME
from services.process import Process
from streams.log import LogReader
from tests.builders.postgres import database_of
from tests.builders.server import Running

THERE_SECONDS_MAX = 60.0
CSV = b"day,mm\n2024-01-01,1.5\n2024-01-02,0\n2024-01-03,7.25\n"
ENTRY = {
    "title_zh": "降雨量",
    "title_en": "Rainfall",
    "abstract_zh": "每日",
    "abstract_en": "daily",
    "field": "meteorology",
    "update_cycle": "daily",
    "provider_name": "Weather office",
    "licence": "CC-BY-4.0",
}
ANY_USE = {"policy": {"permissions": [{"action": "use"}]}}
PER_ROW = {
    "unit": "row",
    "model": "standard",
    "currency": "CNY",
    "tiers": [{"up_to": None, "unit_price_minor": "10"}],
}
FREE = {"mode": "free"}
CONDITIONAL = {"mode": "free", "condition": "for research only"}
METERED = {"mode": "metered", "tariff": PER_ROW}
AUCTION = {"mode": "auction", "currency": "CNY"}


class Exchange:
    """`call` speaks as a party by its short name, under a new key unless one is given."""

    http: Any

    def __init__(self, folder: Path, *, private_webhooks: bool = False) -> None:
        db = database_of(folder)
        self.folder = folder
        self.process = Process(folder, private_webhooks=private_webhooks, db=db)
        self.process.start()
        self._client = TestClient(create_app(self.process.exchange))
        self._one_event_loop = ExitStack()
        if db:  # whose connections belong to one; by itself the client takes a new one each time
            self._one_event_loop.enter_context(self._client)
        self._speak_through(self._client)
        self.tokens = self.process.first_tokens()

    def _speak_through(self, http: Any) -> None:
        self.http = http
        self.ids: dict[str, str] = {}
        self._keys = itertools.count(1)

    @property
    def size(self) -> int:
        """How many records there are."""
        return self.process.log.size

    @property
    def now_ms(self) -> int:
        now_ms: int = self.ok("", "GET", "/v1/venue")["now_ms"]
        return now_ms

    def published(self) -> int:
        """Let all there is come under a checkpoint; return how many records that are."""
        self.process.audit.store.integrate()
        self.process.audit.store.publish()
        return self.size

    def once_there(self, who: str, path: str) -> Any:
        """Return what is there, or will be soon."""
        return self.once(who, path, lambda answer: answer.status_code != 404).json()

    def once_ended(self, auction_id: str) -> Any:
        path, before = f"/v1/auctions/{auction_id}", ("scheduled", "open")
        return self.once("", path, lambda answer: answer.json()["status"] not in before).json()

    def once_settled(self, who: str, deal_id: str) -> Any:
        """Return the trade of an auction or a subscription that is paid and has its grant."""

        def trades(answer: Any) -> list[Any]:
            of_deal = [row for row in answer.json()["items"] if row["deal_id"] == deal_id]
            return [row for row in of_deal if row["settled"]]

        (trade,) = trades(self.once(who, "/v1/trades", trades))
        self.once_there(who, f"/v1/grants/{trade['grant_id']}")
        return trade

    def once(self, who: str, path: str, is_so: Callable[[Any], Any]) -> Any:
        """Ask until what comes of a deadline or of another service's work is to be seen."""
        end = time.monotonic() + THERE_SECONDS_MAX
        while not is_so(answer := self.call(who, "GET", path)):
            assert time.monotonic() < end, f"{path} did not come to that: {answer.text}"
        return answer

    def stop(self) -> None:
        self._one_event_loop.close()
        self.process.stop()

    def close(self) -> None:
        self.stop()
        left = [
            thread.name for thread in threading.enumerate() if thread.name in ("runner", "audit")
        ]
        assert not left, f"threads that should have ended: {left}"

    def call(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {"Prefer": "wait=5", **more.pop("headers", {})}
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        key = more.pop("key", f"key-{next(self._keys)}")
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.http.request(method, path, json=body, headers=headers, **more)

    def ok(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(who, method, path, body, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def party(self, name: str, role: str, money: int = 0, kind: str = "enterprise") -> str:
        body = {"name": name, "kind": kind, "roles": [role]}
        party_id: str = self.ok("operator", "POST", "/v1/parties", body)["id"]
        path = f"/v1/parties/{party_id}"
        proof = {"method": "business licence", "evidence": "file 7"}
        self.ok("operator", "POST", f"{path}/verification", proof)
        self.ok("operator", "POST", f"{path}/approval")
        if money:
            deposit = {"currency": "CNY", "amount_minor": money, "reference": "bank"}
            self.ok("operator", "POST", f"{path}/deposits", deposit)
        self.tokens[name] = self.ok("operator", "POST", f"{path}/tokens", {"role": role})["token"]
        self.ids[name] = party_id
        return party_id

    def data_set(self, supplier: str, content: bytes = CSV, media_type: str = "text/csv") -> Any:
        headers = {
            "Authorization": f"Bearer {self.tokens[supplier]}",
            "Idempotency-Key": f"key-{next(self._keys)}",
            "Prefer": "wait=5",
            "Content-Type": media_type,
        }
        return self.http.post("/v1/data-sets?title=Rain", content=content, headers=headers)

    def listing(self, supplier: str, offer: dict[str, Any], grant_terms: Any = ANY_USE) -> str:
        body = {
            "data_set_id": self.data_set(supplier).json()["id"],
            "entry": ENTRY,
            "offer": offer,
            "grant_terms": grant_terms,
        }
        listing_id: str = self.ok(supplier, "POST", "/v1/listings", body)["id"]
        self.ok(supplier, "POST", f"/v1/listings/{listing_id}/submission")
        review = {"approved": True, "reason": "complete"}
        self.ok("operator", "POST", f"/v1/listings/{listing_id}/review", review)
        return listing_id

    def auction(self, supplier: str, lasts_ms: int = 60_000, **terms: Any) -> str:
        listing_id = self.listing(supplier, AUCTION)
        now_ms = self.now_ms
        starts_at_ms = now_ms + terms.pop("starts_in_ms", -1_000)
        full = {
            "format": "english",
            "currency": "CNY",
            "starts_at_ms": starts_at_ms,
            "ends_at_ms": now_ms + lasts_ms,
            "start_price_minor": 1_000,
            **terms,
        }
        if full["format"] == "english":
            full.setdefault("increments", "ebay-2003")
        path = f"/v1/listings/{listing_id}/auctions"
        auction_id: str = self.ok(supplier, "POST", path, {"terms": full})["id"]
        return auction_id


class Remote(Exchange):
    """The same through the network, to a server in a process of its own."""

    def __init__(self, server: Running, folder: Path, open_log: Callable[[], LogReader]) -> None:
        self.server, self.folder, self._open_log = server, folder, open_log
        self._speak_through(httpx.Client(base_url=server.url, timeout=30.0))
        self.tokens = json.loads((folder / TOKENS_NAME).read_text())

    def through(self, url: str) -> "Remote":
        """Return the same market as another gateway shows it; the caller closes its `http`."""
        other = copy.copy(self)
        other.http = httpx.Client(base_url=url, timeout=30.0)
        return other

    @property
    def size(self) -> int:
        with closing(self._open_log()) as log:
            return log.size

    def published(self) -> int:
        size = self.size
        while self.ok("", "GET", "/v1/audit/head")["size"] < size:
            time.sleep(0.05)
        return size

    def close(self) -> None:
        self.http.close()
        assert self.server.stop() == 0
