"""A watch to be told of things, one after the other, and the things to tell it."""

from itertools import count
from typing import Any

from market.watch.facts import PRICE_SCALE, Fact, Opened, Placed, Seen, Traded, Unsold
from market.watch.state import State, observe
from schemas.base import Event

DAY0 = 1_699_920_000_000  # a midnight, UTC
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Watch:
    """Says what each thing it is told of made it say."""

    def __init__(self) -> None:
        self.state = State()
        self._numbers = {"bids": count(1), "grants": count(1)}
        self._auctions = count(1)

    def deal(self, at_ms: int, fact: Fact | None = None) -> list[Event]:
        return self._tell("bids", "matching", at_ms, fact)

    def use(self, at_ms: int, fact: Fact | None = None) -> list[Event]:
        return self._tell("grants", "settlement", at_ms, fact)

    def auction(self, at_ms: int, supplier_id: str, *bidders: str, winner: str = "") -> list[Event]:
        """Let an auction run in which each bids once, to its end without or with a winner."""
        auction_id = f"auc_{next(self._auctions):04}"
        said = self.deal(at_ms, Opened(auction_id=auction_id, supplier_id=supplier_id))
        for bidder_id in bidders:
            said += self.deal(at_ms, Placed(auction_id=auction_id, bidder_id=bidder_id))
        end: Fact = Unsold(auction_id=auction_id)
        if winner:
            end = sold(winner, supplier_id, 1_000, deal_id=auction_id)
        return said + self.deal(at_ms, end)

    def _tell(self, topic: str, service: str, at_ms: int, fact: Fact | None) -> list[Event]:
        number = next(self._numbers[topic])
        seen = Seen(
            sequence=number,
            id=f"{service}-{number}",
            correlationid="cmd_of_it",
            at_ms=at_ms,
            fact=fact,
        )
        return [found.event for found in observe(self.state, topic, seen)]


def sold(
    buyer_id: str = "pty_anna",
    supplier_id: str = "pty_weather",
    paid_minor: int = 1_000,
    data_set: str = "rain",
    **fields: Any,
) -> Traded:
    """One licence at auction, unless `fields` say otherwise."""
    return Traded(
        **{
            "mode": "auction",
            "item": f"dst_{data_set}/licence/CNY",
            "deal_id": "auc_other",
            "listing_id": f"lst_{data_set}",
            "data_set_id": f"dst_{data_set}",
            "supplier_id": supplier_id,
            "buyer_id": buyer_id,
            "currency": "CNY",
            "paid_minor": paid_minor,
            "priced": paid_minor * PRICE_SCALE,
            "quantity": 1,
            **fields,
        }
    )


def of_kind(events: list[Event], kind: type[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]
