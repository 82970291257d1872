"""A market whose webhook loop is driven by hand, on a clock that the test moves."""

import asyncio
import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

from services.gateway.webhooks.kinds import KINDS
from services.gateway.webhooks.loop import WebhookLoop
from tests.builders.exchange import Exchange
from tests.builders.receiver import Received, Receiver


class HookWorld:
    def __init__(self, folder: Path) -> None:
        self.market = market = Exchange(folder, private_webhooks=True)
        market.process.webhooks.stop()
        self.receiver = Receiver()
        for name, role in (("seller", "supplier"), ("anna", "buyer"), ("bole", "buyer")):
            market.party(name, role, money=0 if role == "supplier" else 1_000_000)
        self.store = market.process.exchange.webhooks
        self.ahead_ms = 0
        self.loop = self.new_loop()

    def new_loop(self, **more: Any) -> WebhookLoop:
        exchange = self.market.process.exchange
        return WebhookLoop(self.store, exchange.log, exchange.reads, self.now_ms, **more)

    def now_ms(self) -> int:
        return self.market.process.clock() + self.ahead_ms

    def hook(self, who: str, *kinds: str, url: str = "") -> tuple[str, bytes]:
        """Make a webhook; return its id and its secret."""
        body = {"target_url": url or self.receiver.url, "kinds": kinds or KINDS}
        made = self.market.ok(who, "POST", "/v1/webhooks", body)
        return made["id"], base64.b64decode(made["secret"].removeprefix("whsec_"))

    def told(self, loop: WebhookLoop | None = None) -> list[Received]:
        """Let the loop deliver all that is due; return what the receiver got."""
        loop = loop or self.loop
        before = len(self.receiver.received)
        while loop.collect():
            pass
        while due := self.store.due(self.now_ms(), 100):
            asyncio.run(self._deliver(loop, due))
        return self.receiver.received[before:]

    async def _deliver(self, loop: WebhookLoop, due: Any) -> None:
        await asyncio.gather(*(loop.deliver(one) for one in due))

    def of(self, webhook_id: str, who: str = "anna") -> Any:
        return self.market.ok(who, "GET", f"/v1/webhooks/{webhook_id}")

    def deliveries(self, webhook_id: str, who: str = "anna") -> list[Any]:
        path = f"/v1/webhooks/{webhook_id}/deliveries?limit=1000"
        items: list[Any] = self.market.ok(who, "GET", path)["items"]
        return items

    def ping(self, webhook_id: str, who: str = "anna") -> str:
        path = f"/v1/webhooks/{webhook_id}/pings"
        return str(self.market.ok(who, "POST", path)["message_id"])

    def bid(self, who: str, auction_id: str, amount: int) -> None:
        body = {"currency": "CNY", "max_price_minor": amount}
        self.market.ok(who, "POST", f"/v1/auctions/{auction_id}/bids", body)


def verified(received: Received, secret: bytes) -> bool:
    """Whether one of the signatures is this secret's, as Standard Webhooks says."""
    content = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}."
    digest = hmac.new(secret, content.encode() + received.body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    return wanted in received.headers["webhook-signature"].split(" ")
