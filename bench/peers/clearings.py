"""Auctions as bare loops over numbers: what they would take without rules, money or records."""

from collections.abc import Callable, Sequence
from typing import Final

from simulation.chance import Chance
from simulation.theory.experiments import UNIT, Drawn


def first(amounts: Sequence[int], licences: int) -> int:
    best = 0
    for amount in amounts:
        if amount > best:
            best = amount
    return best


def second(amounts: Sequence[int], licences: int) -> int:
    best = rival = 0
    for amount in amounts:
        if amount > best:
            best, rival = amount, best
        elif amount > rival:
            rival = amount
    return max(rival, 1)


def one_step_above_second(amounts: Sequence[int], licences: int) -> int:
    return min(first(amounts, 1), second(amounts, 1) + 1)


def highest_losing(amounts: Sequence[int], licences: int) -> int:
    return licences * sorted(amounts, reverse=True)[licences]


# By format: what all winners pay.
EARNED: Final[dict[str, Callable[[Sequence[int], int], int]]] = {
    "first-price": first,
    "second-price": second,
    "english": one_step_above_second,
    "dutch": first,
    "uniform": highest_losing,
}


def run(drawn: Drawn, chance: Chance, auctions: int) -> list[int]:
    """Return what each auction earns: the same values, strategy and auctions as `drawn.run`."""
    streams = [chance.stream(0, f"bidder {n}", "value") for n in range(drawn.bidders)]
    earned, bidders = EARNED[drawn.format], drawn.bidders
    revenues = []
    for _ in range(auctions):
        values = [stream.randint(1, UNIT) for stream in streams]
        bids = [drawn.strategy(value, bidders, 0) or 0 for value in values]
        revenues.append(earned(bids, drawn.licences))
    return revenues
