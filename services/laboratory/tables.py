"""A run's tables, written while it runs. `run_folder` says what they mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from market.venue import Emission
from schemas import events as e
from schemas.catalogue import FreeOffer, MeteredOffer
from schemas.commands import PlaceBid
from simulation.kernel import Character, Kernel

_WHOLE, _TEXT = pa.int64(), pa.string()
SCHEMAS: Final = {
    name: pa.schema(columns)
    for name, columns in {
        "bids": {
            "at_ms": _WHOLE,
            "auction_id": _TEXT,
            "format": _TEXT,
            "bidder_id": _TEXT,
            "max_price_minor": _WHOLE,
            "outcome": _TEXT,
            "value_minor": _WHOLE,
            "strategy": _TEXT,
            "role": _TEXT,
        },
        "trades": {
            "at_ms": _WHOLE,
            "mode": _TEXT,
            "deal_id": _TEXT,
            "listing_id": _TEXT,
            "supplier": _TEXT,
            "buyer": _TEXT,
            "price_minor": _WHOLE,
            "quantity": _WHOLE,
            "value_minor": _WHOLE,
            "strategy": _TEXT,
        },
        "usage": {
            "at_ms": _WHOLE,
            "grant_id": _TEXT,
            "supplier": _TEXT,
            "buyer": _TEXT,
            "quantity": _WHOLE,
            "charge_minor": _WHOLE,
        },
        "ledger": {
            "at_ms": _WHOLE,
            "kind": _TEXT,
            "cause_id": _TEXT,
            "account": _TEXT,
            "amount_minor": _WHOLE,
        },
        "metrics": {"name": _TEXT, "value": pa.float64()},
    }.items()
}
ROWS_HELD: Final = 50_000
_NOBODY: Final = Character("", "")


class Tables:
    """Writes rows to `folder` in groups, as they come. `kernel` tells what no rule knows: who bids
    how, and what things are truly worth.
    """

    def __init__(self, folder: Path, kernel: Kernel) -> None:
        self._kernel = kernel
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in SCHEMAS}
        self._files = {
            name: pq.ParquetWriter(folder / f"{name}.parquet", schema)
            for name, schema in SCHEMAS.items()
        }
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
        for name, rows in self._rows.items():
            if len(rows) >= ROWS_HELD:
                self._flush(name)

    def end(self, metrics: dict[str, float]) -> None:
        self._rows["metrics"] = list(metrics.items())
        for name, file in self._files.items():
            self._flush(name)
            file.close()

    def _flush(self, name: str) -> None:
        schema, rows = SCHEMAS[name], self._rows[name]
        columns = zip(*rows, strict=True) if rows else [()] * len(schema)
        arrays = [
            pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)
        ]
        self._files[name].write_table(pa.Table.from_arrays(arrays, schema=schema))
        rows.clear()

    def _worth(self, auction_id: str, bidder_id: str) -> int:
        return self._kernel.values.get(auction_id, {}).get(bidder_id, 0)

    def _bid(self, bid: PlaceBid, cascade: Sequence[Emission]) -> None:
        outcome = "placed"
        for message, _ in cascade:
            if isinstance(message, e.BidRejected | e.FundsRefused):
                outcome = message.reason
        kind = self._formats.get(bid.auction_id, "")
        row = (bid.at_ms, bid.auction_id, kind, bid.bidder_id, bid.max_price_minor, str(outcome))
        truth = (self._worth(bid.auction_id, bid.bidder_id), *self._who(bid.bidder_id))
        self._rows["bids"].append((*row, *truth))

    def _who(self, bidder_id: str) -> Character:
        return self._kernel.characters.get(bidder_id, _NOBODY)

    def _traded(self, trade: e.TradeExecuted) -> None:
        match trade.offer:
            case FreeOffer():
                mode = "conditional" if trade.offer.condition else "free"
            case MeteredOffer():
                mode = "metered"
            case _:
                mode = self._formats[trade.deal_id]
        supplier, buyer = self._names[trade.supplier_id], self._names[trade.buyer_id]
        row = (trade.at_ms, mode, trade.deal_id, trade.listing_id, supplier, buyer)
        truth = (self._worth(trade.deal_id, trade.buyer_id), self._who(trade.buyer_id).strategy)
        self._rows["trades"].append((*row, trade.price_minor, trade.quantity, *truth))

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
