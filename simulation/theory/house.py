"""An auction house: one venue with suppliers, a listing for each, and rich buyers."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from market.venue import Emission
from schemas.auctions import AuctionTerms
from schemas.catalogue import AuctionOffer
from schemas.commands import OpenAuction, PlaceBid
from schemas.events import FundsRefused, InstructionRefused, TradeExecuted
from schemas.parties import Role, VenueTerms
from simulation.filler import CONTENT, entry
from simulation.stage import Stage

CURRENCY: Final = "CNY"
START_MS: Final = 1_700_000_000_000
_MONEY_MINOR: Final = 10**13  # each has it; what all have together must stay within an amount
_NONCE: Final = "0" * 32


class Wish(NamedTuple):
    """A bid, `after_ms` from the auction's start; `units_minor` has one amount for each licence."""

    after_ms: int
    bidder: int
    units_minor: tuple[int, ...]


class Award(NamedTuple):
    """What a bidder got, and pays for all of it."""

    bidder: int
    quantity: int
    price_minor: int


class House:
    """Holds one auction after the other, each to its end. Every bid is reserved, each trade
    settled.
    """

    def __init__(self, bidders: int, suppliers: int = 1) -> None:
        self._stage = Stage(VenueTerms(currencies=(CURRENCY,)), START_MS, self._watch)
        self._ids = [f"pty_{bidder}" for bidder in range(bidders)]
        self._bidder_of = {id: bidder for bidder, id in enumerate(self._ids)}
        for id in self._ids:
            self._stage.admit(id, Role.BUYER, money_minor=_MONEY_MINOR)
        for supplier in range(suppliers):
            self._list(supplier)
        self._now_ms = START_MS
        self._held = 0
        self._awards: list[Award] = []

    def hold(self, terms: AuctionTerms, wishes: Iterable[Wish], supplier: int = 0) -> list[Award]:
        """Open an auction of the supplier now, say the wishes in their order of time, and return
        what is awarded. It lasts as long as in the terms; who comes after a sale keeps silent.
        """
        self._awards = []
        auction_id = f"auc_{self._held}"
        ends_at_ms = self._open(auction_id, terms, supplier)
        for number, wish in enumerate(wishes):
            if self._awards:
                break
            self._stage.say(
                PlaceBid(
                    id=f"bid_{self._held}x{number}",
                    at_ms=self._now_ms + wish.after_ms,
                    auction_id=auction_id,
                    bidder_id=self._ids[wish.bidder],
                    currency=CURRENCY,
                    max_price_minor=wish.units_minor[0],
                    nonce=_NONCE,
                    further_minor=wish.units_minor[1:],
                )
            )
        self._stage.advance(ends_at_ms)
        self._now_ms = ends_at_ms
        self._held += 1
        return self._awards

    def _list(self, supplier: int) -> None:
        supplier_id = _supplier_id(supplier)
        self._stage.admit(supplier_id, Role.SUPPLIER)
        offer = AuctionOffer(currency=CURRENCY)
        self._stage.publish(_listing_id(supplier), supplier_id, offer, entry("auctions"), CONTENT)

    def _open(self, auction_id: str, terms: AuctionTerms, supplier: int) -> int:
        ends_at_ms = self._now_ms + terms.ends_at_ms - terms.starts_at_ms
        now = replace(terms, starts_at_ms=self._now_ms, ends_at_ms=ends_at_ms)
        self._stage.say(
            OpenAuction(
                id=auction_id,
                at_ms=self._now_ms,
                listing_id=_listing_id(supplier),
                supplier_id=_supplier_id(supplier),
                terms=now,
                nonce=_NONCE,
            )
        )
        return ends_at_ms

    def _watch(self, cascade: list[Emission]) -> None:
        for message, _ in cascade:
            assert not isinstance(message, FundsRefused | InstructionRefused), (
                f"an experiment lacks what its bidders meant to do: {message}"
            )
            if type(message) is TradeExecuted:
                bidder = self._bidder_of[message.buyer_id]
                self._awards.append(Award(bidder, message.quantity, message.price_minor))


def _supplier_id(supplier: int) -> str:
    return f"pty_supplier_{supplier}"


def _listing_id(supplier: int) -> str:
    return f"lst_supplier_{supplier}"
