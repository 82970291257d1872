"""Simple traders: one asks for free data, one uses metered data, the rest bid against each
other.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Final

from schemas.money import format_minor
from services.demo.client import Client, Refused
from services.demo.world import World

AUCTION_MS: Final = 4_000
SOFT_CLOSE: Final = {"window_ms": 800, "extend_by_ms": 800, "extensions_max": 3}
BIDDERS: Final = ("anna", "bole", "chen")
Say = Callable[[str], None]


class Traders:
    """`seed` makes their wishes repeatable; the market's clock is the real one."""

    def __init__(self, world: World, run: str, say: Say, seed: int) -> None:
        self._world = world
        self._run = run
        self._say = say
        self._random = random.Random(seed)
        self._count = 0

    async def trade(self) -> None:
        """Trade in all three modes at once, until cancelled."""
        await asyncio.gather(self._free(), self._metered(), self._auctions())

    def _key(self, wish: str) -> str:
        self._count += 1
        return f"demo-{self._run}-{wish}-{self._count}"

    async def _free(self) -> None:
        path = f"/v1/listings/{self._world.listing_ids['free']}/access-requests"
        while True:
            name = self._random.choice(BIDDERS)
            client = self._world.clients[name]
            trade = await client.post(path, self._key("free"), {"purpose": "research"})
            content = await client.deliver(trade["grant_id"], self._key("take"), {})
            self._say(f"{name} was granted free use and took the file: {len(content):,} bytes")
            await asyncio.sleep(2.5)

    async def _metered(self) -> None:
        client = self._world.clients["anna"]
        path = f"/v1/listings/{self._world.listing_ids['metered']}/subscriptions"
        while True:
            body = {"currency": "CNY", "budget_minor": 20_00, "purpose": "research"}
            trade = await client.post(path, self._key("subscribe"), body)
            self._say(
                f"anna subscribed to the weather with a budget of {format_minor(20_00, 'CNY')}"
            )
            offset, paid = 0, True
            while paid:
                rows = self._random.randint(40, 160)
                paid = await self._use(client, trade["grant_id"], offset, rows)
                offset = (offset + rows) % 1_000
                await asyncio.sleep(0.7)
            await client.post(f"/v1/grants/{trade['grant_id']}/end", self._key("end"))
            self._say("anna's budget was used up; what was left over came back to her")

    async def _use(self, client: Client, grant_id: str, offset: int, rows: int) -> bool:
        """Return whether the budget covered it."""
        try:
            body = {"offset": offset, "limit": rows}
            await client.deliver(grant_id, self._key("rows"), body)
        except Refused as refused:
            if refused.code in ("prepaid_exhausted", "grant_suspended"):
                return False
            raise
        grant = await client.get(f"/v1/grants/{grant_id}")
        cost = format_minor(grant["charged_minor"] + grant["fees_minor"], "CNY")
        self._say(f"anna took {rows} rows; so far {grant['used']:,} rows for {cost}")
        return True

    async def _auctions(self) -> None:
        supplier = self._world.clients["statistics"]
        path = f"/v1/listings/{self._world.listing_ids['auction']}/auctions"
        while True:
            now_ms = (await supplier.get("/v1/venue"))["now_ms"]
            terms = {
                "format": "english",
                "currency": "CNY",
                "starts_at_ms": now_ms,
                "ends_at_ms": now_ms + AUCTION_MS,
                "start_price_minor": 1_000_00,
                "increments": "ebay-2003",
                "soft_close": SOFT_CLOSE,
            }
            try:
                auction = await supplier.post(path, self._key("auction"), {"terms": terms})
            except Refused as refused:  # one left over from an earlier run is still open
                if refused.code != "auction_already_running":
                    raise
                await asyncio.sleep(0.5)
                continue
            self._say(f"an auction opened at {format_minor(auction['price_minor'], 'CNY')}")
            await self._contest(auction)

    async def _contest(self, auction: dict[str, Any]) -> None:
        """Let the bidders raise each other until the auction has ended."""
        limits = {name: self._random.randint(1_500_00, 5_000_00) for name in BIDDERS}
        path = f"/v1/auctions/{auction['id']}"
        while auction["status"] == "open":
            name = self._random.choice(BIDDERS)
            wish = min(limits[name], auction["price_minor"] + self._random.randint(50_00, 400_00))
            try:
                body = {"currency": "CNY", "max_price_minor": wish}
                bid = await self._world.clients[name].post(f"{path}/bids", self._key("bid"), body)
                price = format_minor(bid["price_minor"], "CNY")
                self._say(f"{name} bids up to {format_minor(wish, 'CNY')}: the price is {price}")
            except Refused:
                pass  # too low by now, or too late: the next look at the auction tells
            await asyncio.sleep(0.35)
            auction = await self._world.clients[name].get(path)
        who = next(
            (n for n, id in self._world.party_ids.items() if id == auction["winner_id"]), "nobody"
        )
        price = format_minor(auction["price_minor"], "CNY")
        self._say(f"the auction is over: {who} has it for {price}, settled and granted in one step")
