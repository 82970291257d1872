"""What everybody sees of an auction."""

from market.clearing import clock_price, increment_at
from schemas.auctions import AuctionTerms, DutchTerms, EnglishTerms


class Lot:
    """An auction's terms, its price while it is open (0 before the first bid), and its end."""

    __slots__ = ("auction_id", "ends_at_ms", "listing_id", "price_minor", "terms")

    def __init__(self, auction_id: str, terms: AuctionTerms, listing_id: str = "") -> None:
        self.auction_id = auction_id
        self.terms = terms
        self.listing_id = listing_id
        self.price_minor = 0
        self.ends_at_ms = terms.ends_at_ms

    def minimum_minor(self, now_ms: int) -> int:
        """Return the least that a bid must say now."""
        match self.terms:
            case DutchTerms():
                return clock_price(self.terms, now_ms)
            case EnglishTerms() if self.price_minor:
                return self.price_minor + increment_at(self.terms.increments, self.price_minor)
        return self.terms.start_price_minor
