"""What an auction remembers between bids, and what a format has to provide."""

from typing import Protocol

import msgspec

from schemas.auctions import AuctionTerms
from schemas.base import Event
from schemas.reasons import Refusal, Unsold


class Bid(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A funded bid. Its bidder's fee was fixed when the money was reserved."""

    id: str
    bidder_id: str
    max_price_minor: int
    at_ms: int
    buyer_fee_bps: int
    nonce: str
    further_minor: tuple[int, ...] = ()


class Auction(msgspec.Struct, kw_only=True):
    """`standing` holds the bids that may still win, in log order; in an English auction, the
    leader. In a sealed one `bid_of` finds the bid of a bidder.

    `rival_minor` is the highest maximum among the bids that were outbid, `follows` the auction
    that ended unsold and is opened here again.
    """

    id: str
    listing_id: str
    supplier_id: str
    terms: AuctionTerms
    ends_at_ms: int
    price_minor: int
    extensions: int = 0
    bid_count: int = 0
    rival_minor: int | None = None
    standing: dict[str, Bid] = {}
    bid_of: dict[str, str] = {}
    follows: str | None = None
    nonce: str = ""


class Award(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one bid has won; `price_minor` is for all `quantity` licences together."""

    bid: Bid
    price_minor: int
    quantity: int = 1


class Format(Protocol):
    """One auction format. All is pure, and the caller has checked what all formats share.

    `ENDS_WITH_BID`: the first bid that is placed has won, at the price it was placed at.
    `MANY_LICENCES`: a bid may ask for more than one.
    """

    ENDS_WITH_BID: bool
    MANY_LICENCES: bool

    def terms_fault(self, terms: AuctionTerms) -> Refusal | None:
        """Say what is wrong with these terms, beyond their times and currency."""

    def refuse(self, auction: Auction, bid: Bid) -> Refusal | None:
        """Say why this bid may not be placed now."""

    def place(self, auction: Auction, bid: Bid) -> list[Event]:
        """Return BidPlaced, and an ending for each bid that can no longer win because of it."""

    def clear(self, auction: Auction) -> list[Award] | Unsold:
        """Return the awards at the end, dearest first, or why there are none."""
