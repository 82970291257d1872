"""VCG for packages: bids for small bundles of different items, exact winners, externality prices.

The bids that are worth most together win, each item at most once and each bidder at most one of
their bids (XOR). A winner pays what the others lose by their presence: what the others would be
worth without them, less what they are worth now. Bidding the own values is best. Warning: revenue
can be low, even nothing, and can fall when a bidder joins or bids more. Ties go to the
choice found first. Source: Krishna, Auction Theory, chapter 16; Ausubel and Milgrom 2006.

Choosing winners exactly is hard in general, so a sale has at most `ITEMS_MAX` items and `BIDS_MAX`
bids: each set of items is looked at once for each bid.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

ITEMS_MAX: Final = 8
BIDS_MAX: Final = 60


class PackageBid(NamedTuple):
    bidder_id: str
    items: frozenset[str]
    value_minor: int


class PackageAward(NamedTuple):
    bid: PackageBid
    price_minor: int


def vickrey_clarke_groves(bids: Sequence[PackageBid]) -> list[PackageAward]:
    """Return the winners, in the order of their bids. Raises ValueError beyond the limits."""
    if len(bids) > BIDS_MAX or len(_items(bids)) > ITEMS_MAX:
        raise ValueError(f"at most {ITEMS_MAX} items and {BIDS_MAX} bids for packages")
    if any(not bid.items or bid.value_minor < 1 for bid in bids):
        raise ValueError("a package bid names an item and a positive value")
    won = winners(bids)
    return [PackageAward(bid, _externality(bid, bids, won)) for bid in won]


def winners(bids: Sequence[PackageBid]) -> list[PackageBid]:
    """Return the bids worth most together; of equal choices the one found first."""
    bit = {item: 1 << place for place, item in enumerate(_items(bids))}
    best: dict[int, tuple[int, list[PackageBid]]] = {0: (0, [])}
    for bidder in dict.fromkeys(bid.bidder_id for bid in bids):
        own = [bid for bid in bids if bid.bidder_id == bidder]
        before = dict(best)
        for bid in own:
            wanted = sum(bit[item] for item in bid.items)
            for taken, (worth, chosen) in before.items():
                if taken & wanted:
                    continue
                more = worth + bid.value_minor
                if more > best.get(taken | wanted, (0, []))[0]:
                    best[taken | wanted] = more, [*chosen, bid]
    _, chosen = max(best.values(), key=lambda each: each[0])
    return sorted(chosen, key=bids.index)


def _externality(bid: PackageBid, bids: Sequence[PackageBid], won: Sequence[PackageBid]) -> int:
    others = [other for other in bids if other.bidder_id != bid.bidder_id]
    without = sum(other.value_minor for other in winners(others))
    return without - sum(other.value_minor for other in won if other is not bid)


def _items(bids: Sequence[PackageBid]) -> list[str]:
    return sorted({item for bid in bids for item in bid.items})
