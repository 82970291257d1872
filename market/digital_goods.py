"""Random sampling optimal price (RSOP): unlimited copies sold to bidders whose demand is unknown.

A coin for each bid puts it in one of two halves. Each half has a best single price, the one that
would earn most from it; it is asked in the other half, where every bid that reaches it buys. So no
bid moves its own price, and bidding the own value is best. Of equally earning prices the highest is
taken; an empty half has no price, so the other sells nothing. Source: Goldberg, Hartline, Karlin,
Saks and Wright 2006, Competitive auctions.

`coin` derives the coins from a seed and the bid's id, never from amounts. Neither rule says whose
the seed is: it must be fixed before bids, shown to nobody before the end, and known to be so.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256


def coin(seed: str, bid_id: str) -> bool:
    return sha256(f"{seed}/{bid_id}".encode()).digest()[0] & 1 == 1


def best_single_price(bids_minor: Sequence[int], least_minor: int = 1) -> int | None:
    """Return the price that earns most when every bid that reaches it pays it; None if none
    reaches `least_minor`.
    """
    ranked = sorted((bid for bid in bids_minor if bid >= least_minor), reverse=True)
    earned = {bid: bid * place for place, bid in enumerate(ranked, 1)}
    return max(earned, key=lambda price: (earned[price], price), default=None)


def random_sampling(
    bids_minor: Mapping[str, int], coins: Mapping[str, bool], least_minor: int = 1
) -> dict[str, int]:
    """Return what each winner pays, by bid id."""
    asked = {
        side: best_single_price(
            [bid for id, bid in bids_minor.items() if coins[id] is not side], least_minor
        )
        for side in (False, True)
    }
    paid: dict[str, int] = {}
    for id, bid in bids_minor.items():
        price = asked[coins[id]]
        if price is not None and bid >= price:
            paid[id] = price
    return paid
