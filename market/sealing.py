"""What nobody but its owner may see before an auction has ended: maxima, sealed bids, and reserves
that are hidden.

Such a record is shown as the hash of its leaf and nothing else. An auction that is opened again has
not ended: its reserve still holds, and its bidders are likely to come back. What was never opened
never ends, and its records stay sealed.
"""

from collections.abc import Callable

from schemas import commands as c
from schemas import events as e
from schemas.catalogue import AuctionOffer
from schemas.envelope import Message

After = Callable[[str], str | None]
"""Says what came after an auction: None while it runs or is not known, the id of the one it was
opened as again, or "" when it has ended for good.
"""


def is_sealed(message: Message, after: After) -> bool:
    auction_id = sealed_for(message)
    if auction_id is None:
        return False
    followed: str | None = auction_id
    while followed:
        followed = after(followed)
    return followed is None


def sealed_for(message: Message) -> str | None:
    """Return the auction until whose end this message is shown to nobody but its owner."""
    match message:
        case c.PlaceBid() | e.BidPlaced():
            return message.auction_id
        case (
            e.FundsReserved(request=c.PlaceBid() as bid)
            | e.FundsRefused(request=c.PlaceBid() as bid)
        ):
            return bid.auction_id
        case e.FundsReleased():
            deal_id = message.hold_id.partition("/")[0]
            return None if deal_id == message.request_id else deal_id  # a subscription's own hold
        case c.OpenAuction() | e.AuctionOpened() if message.terms.reserve_hidden:
            return message.id
        case _:
            return None


class Endings:
    """Which auctions have ended, by the records of the topic `bids` in their order."""

    def __init__(self) -> None:
        self._after: dict[str, str] = {}

    def note(self, message: Message) -> None:
        match message:
            case e.AuctionClosedUnsold():
                self._after[message.auction_id] = message.relisted_as or ""
            case e.AuctionCancelled():
                self._after[message.auction_id] = ""
            case e.TradeExecuted(offer=AuctionOffer()):
                self._after[message.deal_id] = ""

    def after(self, auction_id: str) -> str | None:
        return self._after.get(auction_id)
