"""Figures of a run, folded from its cascades alone and from what things were truly worth."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Final

from market.venue import Emission
from schemas import events as e
from schemas.auctions import LicenceTerms
from schemas.base import Command
from schemas.catalogue import AuctionOffer
from schemas.commands import PlaceBid, TimePassed

HOUR_MS: Final = 3_600_000
MINOR: Final = 100  # minor units in one of the currency; figures of money are in the latter


class Metrics:
    """Takes cascades one by one; `figures` may be asked for at any time."""

    def __init__(self) -> None:
        self._commands = 0
        self._bids = self._refused = 0
        self._counts: Counter[type] = Counter()
        self._opened: dict[str, e.AuctionOpened] = {}
        self._ended: dict[str, int] = {}
        self._sold: dict[str, list[e.TradeExecuted]] = defaultdict(list)
        self._earned: Counter[str] = Counter()
        self._suppliers: dict[str, str] = {}
        self._metered_minor = 0

    def take(self, cascade: Sequence[Emission]) -> None:
        for message, _ in cascade:
            self._counts[type(message)] += 1
            match message:
                case TimePassed():
                    pass
                case Command():
                    self._commands += 1
                    self._bids += isinstance(message, PlaceBid)
                case e.BidRejected():
                    self._refused += 1
                case e.FundsRefused() if isinstance(message.request, PlaceBid):
                    self._refused += 1
                case e.AuctionOpened():
                    self._opened[message.id] = message
                case e.TradeExecuted() if isinstance(message.offer, AuctionOffer):
                    self._sold[message.deal_id].append(message)
                    self._ended[message.deal_id] = message.at_ms
                    self._earned[message.supplier_id] += message.price_minor
                case e.AuctionClosedUnsold():
                    self._ended[message.auction_id] = message.at_ms
                case e.GrantIssued():
                    self._suppliers[message.id] = message.supplier_id
                case e.UsageCharged():
                    self._metered_minor += message.charge_minor
                    self._earned[self._suppliers[message.grant_id]] += message.charge_minor

    def figures(self, values: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
        """Return figures by name. `values` is by auction and bidder; shares lie between 0 and 1."""
        counts, ended = self._counts, len(self._ended)
        waits = [at_ms - self._opened[id].at_ms for id, at_ms in self._ended.items()]
        surplus, realised, most = self._surplus(values)
        return {
            "commands": self._commands,
            "events": sum(counts.values()) - self._commands - counts[TimePassed],
            "trades": counts[e.TradeExecuted],
            "revenue": sum(self._earned.values()) / MINOR,
            "auction_revenue": (sum(self._earned.values()) - self._metered_minor) / MINOR,
            "meter_revenue": self._metered_minor / MINOR,
            "buyer_surplus": surplus / MINOR,
            "efficiency": _share(realised, most),
            "auctions": len(self._opened),
            "sell_through": _share(len(self._sold), ended),
            "hours_to_clear": fmean(waits) / HOUR_MS if waits else 0,
            "extensions": counts[e.AuctionExtended],
            "bids": self._bids,
            "refused_bids": _share(self._refused, self._bids),
            "uses": counts[e.UsageRecorded],
            "price_dispersion": self._dispersion(),
            "hhi": _hhi(self._earned.values()),
            "gini": _gini(self._earned.values()),
        }

    def _surplus(self, values: Mapping[str, Mapping[str, int]]) -> tuple[int, int, int]:
        """Return the winners' surplus, the value realised and the most there was, in ended
        auctions. Each bidder values one licence.
        """
        surplus = realised = most = 0
        for auction_id in self._ended:
            worth, terms = values.get(auction_id, {}), self._opened[auction_id].terms
            licences = terms.licences if isinstance(terms, LicenceTerms) else 1
            most += sum(sorted(worth.values(), reverse=True)[:licences])
            for trade in self._sold.get(auction_id, ()):
                realised += worth.get(trade.buyer_id, 0)
                surplus += worth.get(trade.buyer_id, 0) - trade.price_minor
        return surplus, realised, most

    def _dispersion(self) -> float:
        """Return the mean, over listings sold at least twice, of deviation by mean of the price."""
        prices: dict[str, list[int]] = defaultdict(list)
        for trades in self._sold.values():
            for trade in trades:
                prices[trade.listing_id].append(trade.price_minor)
        spread = [pstdev(listed) / fmean(listed) for listed in prices.values() if len(listed) > 1]
        return fmean(spread) if spread else 0


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0


def _hhi(amounts: Iterable[int]) -> float:
    """Return the sum of squared market shares in per cent, 0 to 10,000 (Herfindahl, Hirschman)."""
    earned = list(amounts)
    return sum((100 * _share(amount, sum(earned))) ** 2 for amount in earned)


def _gini(amounts: Iterable[int]) -> float:
    """Return how unequal they are: 0 when all are the same."""
    ordered = sorted(amounts)
    weighted = sum(rank * amount for rank, amount in enumerate(ordered, start=1))
    count = len(ordered)
    return 2 * _share(weighted, count * sum(ordered)) - (count + 1) / count if any(ordered) else 0
