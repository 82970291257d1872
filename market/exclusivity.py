"""The exclusivity option: one bidder may take alone what would otherwise be sold many times.

Both allocations are computed: what the non-exclusive awards earn together, by their own rule, and
the highest exclusive bid. The exclusive bid wins only if it is greater than that sum (and reaches
the reserve); on a tie the licences are shared. Alone, it pays what it displaced: the sum, the
second highest exclusive bid or the reserve, whichever is greatest, so at most itself. Of equal
exclusive bids the earlier wins. Not truthful for a bidder who enters on both sides.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Options(NamedTuple):
    """Both allocations. `winner` is the place of the exclusive bid that won, None when shared;
    `exclusive_minor` what the best exclusive bid pays, or would have had to beat.
    """

    shared_minor: int
    exclusive_minor: int
    winner: int | None


def compare(
    exclusive_minor: Sequence[int], awards_minor: Sequence[int], reserve_minor: int = 0
) -> Options:
    """`exclusive_minor` are the exclusive bids in log order, `awards_minor` what each
    non-exclusive award pays.
    """
    shared = sum(awards_minor)
    ranked = sorted(range(len(exclusive_minor)), key=lambda place: -exclusive_minor[place])
    second = [exclusive_minor[place] for place in ranked[1:2]]
    price = max([shared, reserve_minor, *second])
    wins = bool(ranked) and exclusive_minor[ranked[0]] > shared
    wins = wins and exclusive_minor[ranked[0]] >= reserve_minor
    return Options(shared, price, ranked[0] if wins else None)
