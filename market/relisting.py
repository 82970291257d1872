"""The next round of an auction that ended unsold: same terms, a lower start price, one round fewer.

The reserve stays as it is, and so does a Dutch floor, below which no start price falls. Source:
judicial auctions, whose second round starts at no less than four fifths of the first (起拍价).
"""

import msgspec

from market.auction_state import Auction
from schemas.auctions import AuctionTerms, DutchTerms, Relist
from schemas.base import ID_LENGTH_MAX, INTEGER_MAX
from schemas.events import AuctionOpened
from schemas.money import bps_of


def is_sound(auction_id: str, terms: AuctionTerms, duration_ms_max: int) -> bool:
    """Whether every round that these terms may lead to has an id, a length and times in bounds."""
    rule = terms.relist
    if rule is None:
        return True
    lasts_ms = _lasts_ms(rule, terms)
    last_ms = terms.ends_at_ms + rule.times_max * (duration_ms_max + rule.after_ms + lasts_ms)
    return (
        lasts_ms <= duration_ms_max
        and last_ms <= INTEGER_MAX
        and len(f"{auction_id}-{rule.times_max + 1}") <= ID_LENGTH_MAX
    )


def next_round(auction: Auction, now_ms: int) -> AuctionOpened | None:
    """Return the opening of the round after this one, as of the auction's end, or None."""
    rule = auction.terms.relist
    if rule is None:
        return None
    starts_at_ms = max(auction.ends_at_ms, now_ms) + rule.after_ms
    lasts_ms, left = _lasts_ms(rule, auction.terms), rule.times_max - 1
    following = msgspec.structs.replace(rule, times_max=left, lasts_ms=lasts_ms) if left else None
    return AuctionOpened(
        at_ms=auction.ends_at_ms,
        id=_next_id(auction),
        listing_id=auction.listing_id,
        supplier_id=auction.supplier_id,
        terms=msgspec.structs.replace(
            auction.terms,
            starts_at_ms=starts_at_ms,
            ends_at_ms=starts_at_ms + lasts_ms,
            start_price_minor=_start_price_minor(auction.terms, rule),
            relist=following,
        ),
        nonce=auction.nonce,
        follows=auction.id,
    )


def _next_id(auction: Auction) -> str:
    """`auc_x`, `auc_x-2`, `auc_x-3`: the number of a round that is not the first ends its id."""
    if auction.follows is None:
        return f"{auction.id}-2"
    root, _, number = auction.id.rpartition("-")
    return f"{root}-{int(number) + 1}"


def _lasts_ms(rule: Relist, terms: AuctionTerms) -> int:
    return rule.lasts_ms or terms.ends_at_ms - terms.starts_at_ms


def _start_price_minor(terms: AuctionTerms, rule: Relist) -> int:
    least = terms.floor_price_minor if isinstance(terms, DutchTerms) else 1
    return max(least, bps_of(terms.start_price_minor, rule.price_bps))
