"""The rows of a run's tables, folded from its cascades. `run_folder` says what they mean."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from market.venue import Emission
from schemas import events as e
from schemas.catalogue import FreeOffer, MeteredOffer
from schemas.commands import PlaceBid

COLUMNS: Final = {
    "bids": ("at_ms", "auction_id", "format", "bidder_id", "max_price_minor", "outcome"),
    "trades": ("at_ms", "mode", "listing_id", "supplier", "buyer", "price_minor", "quantity"),
    "usage": ("at_ms", "grant_id", "supplier", "buyer", "quantity", "charge_minor"),
    "ledger": ("at_ms", "kind", "cause_id", "account", "amount_minor"),
    "metrics": ("name", "value"),
}


class Tables:
    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._names: dict[str, str] = {}
        self._formats: dict[str, str] = {}
        self._suppliers: dict[str, str] = {}
        self._quantity: dict[str, int] = {}

    def take(self, cascade: Sequence[Emission]) -> None:
        for message, _ in cascade:
            match message:
                case e.UsageRecorded():
                    self._quantity = {message.id: message.quantity}
                case e.UsageCharged():
                    self._charged(message)
                case e.PartyRegistered():
                    self._names[message.id] = message.name
                case e.AuctionOpened():
                    tag = message.terms.__struct_config__.tag
                    self._formats[message.id] = str(tag)
                case e.GrantIssued():
                    self._suppliers[message.id] = self._names[message.supplier_id]
                case e.TransferPosted():
                    self._posted(message.at_ms, message.kind, message.cause_id, message.legs)
                case e.TradeExecuted():
                    self._traded(message)
        if isinstance(bid := cascade[0].message, PlaceBid):
            self._bid(bid, cascade)

    def write(self, folder: Path, metrics: dict[str, float]) -> None:
        self._rows["metrics"] = list(metrics.items())
        for name, columns in COLUMNS.items():
            values = (
                zip(*self._rows[name], strict=True) if self._rows[name] else [()] * len(columns)
            )
            table = pa.table(dict(zip(columns, map(list, values), strict=True)))
            pq.write_table(table, folder / f"{name}.parquet")

    def _bid(self, bid: PlaceBid, cascade: Sequence[Emission]) -> None:
        outcome = "placed"
        for message, _ in cascade:
            if isinstance(message, e.BidRejected | e.FundsRefused):
                outcome = message.reason
        kind = self._formats.get(bid.auction_id, "")
        row = (bid.at_ms, bid.auction_id, kind, bid.bidder_id, bid.max_price_minor, str(outcome))
        self._rows["bids"].append(row)

    def _traded(self, trade: e.TradeExecuted) -> None:
        match trade.offer:
            case FreeOffer():
                mode = "conditional" if trade.offer.condition else "free"
            case MeteredOffer():
                mode = "metered"
            case _:
                mode = self._formats[trade.deal_id]
        supplier, buyer = self._names[trade.supplier_id], self._names[trade.buyer_id]
        row = (trade.at_ms, mode, trade.listing_id, supplier, buyer)
        self._rows["trades"].append((*row, trade.price_minor, trade.quantity))

    def _charged(self, charged: e.UsageCharged) -> None:
        quantity = self._quantity[charged.usage_id]
        supplier, buyer = self._suppliers[charged.grant_id], self._names[charged.buyer_id]
        row = (charged.at_ms, charged.grant_id, supplier, buyer, quantity, charged.charge_minor)
        self._rows["usage"].append(row)
        self._posted(charged.at_ms, "usage", charged.usage_id, charged.legs)

    def _posted(self, at_ms: int, kind: str, cause_id: str, legs: Sequence[Any]) -> None:
        rows = self._rows["ledger"]
        for leg in legs:
            rows.append((at_ms, str(kind), cause_id, leg.account, leg.amount_minor))
