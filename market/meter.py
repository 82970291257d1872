"""What a metered quantity costs: exact, rounded once, so charges for parts add up to the whole."""

from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.money import round_half_even
from schemas.tariff import PriceModel, Tariff

_SCALE: Final = 10**9  # prices have at most nine decimals, so in these units they are integers


class _Step(NamedTuple):
    """Beyond `above` billable units each unit costs `unit_price`; all up to there cost `cost`."""

    above: int
    unit_price: int
    cost: int


def price(tariff: Tariff, quantity: int) -> int:
    """Return what `quantity` units cost in minor units, free units and cap included."""
    exact = exact_price(tariff, max(0, quantity - tariff.free_units))
    minor = round_half_even(exact, _SCALE)
    return minor if tariff.cap_minor is None else min(minor, tariff.cap_minor)


def charge(tariff: Tariff, before: int, after: int) -> int:
    """Return what using from `before` to `after` units costs; such charges telescope."""
    return price(tariff, after) - price(tariff, before)


def exact_price(tariff: Tariff, billable: int) -> int:
    """Return the price of billable units in billionths of a minor unit."""
    steps = _steps(tariff)
    if tariff.model is PriceModel.PACKAGE:
        assert tariff.package_size is not None, "a package tariff without a package size was listed"
        return steps[0].unit_price * -(-billable // tariff.package_size)
    step = steps[0]
    for candidate in steps:
        if candidate.above >= billable:
            break
        step = candidate
    return step.cost + (billable - step.above) * step.unit_price


@lru_cache(maxsize=4096)
def _steps(tariff: Tariff) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    above = cost = 0
    for tier in tariff.tiers:
        unit_price = int(Decimal(tier.unit_price_minor) * _SCALE)
        steps.append(_Step(above, unit_price, cost))
        if tier.up_to is not None:
            cost += (tier.up_to - above) * unit_price
            above = tier.up_to
    return tuple(steps)
