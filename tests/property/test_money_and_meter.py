"""Money and meters: shares add up, charges telescope, and prices equal a unit-by-unit sum."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import meter
from schemas.base import SchemaError
from schemas.money import (
    bps_of,
    format_minor,
    round_half_even,
    split_largest_remainder,
)
from schemas.tariff import PriceModel, Tariff, Tier, Unit, check_tariff

prices = st.decimals(0, 50, places=3, allow_nan=False).map(str)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    model = draw(st.sampled_from(PriceModel))
    bounds = []
    if model is PriceModel.GRADUATED:
        bounds = sorted(draw(st.sets(st.integers(1, 200), max_size=4)))
    tiers = tuple(Tier(up_to=bound, unit_price_minor=draw(prices)) for bound in [*bounds, None])
    package_size = draw(st.integers(1, 40)) if model is PriceModel.PACKAGE else None
    return Tariff(
        unit=Unit.CALL,
        model=model,
        currency="CNY",
        tiers=tiers,
        free_units=draw(st.integers(0, 50)),
        package_size=package_size,
        cap_minor=draw(st.none() | st.integers(0, 2_000)),
    )


def slow_price(tariff: Tariff, quantity: int) -> int:
    """One unit after the other, in fractions."""
    exact = Fraction(0)
    for unit in range(1, max(0, quantity - tariff.free_units) + 1):
        if tariff.package_size is not None:
            if unit % tariff.package_size == 1 or tariff.package_size == 1:
                exact += Fraction(tariff.tiers[0].unit_price_minor)
            continue
        tier = next(t for t in tariff.tiers if t.up_to is None or unit <= t.up_to)
        exact += Fraction(tier.unit_price_minor)
    price = round(exact)
    return price if tariff.cap_minor is None else min(price, tariff.cap_minor)


@given(tariffs(), st.integers(0, 400))
def test_price_equals_a_unit_by_unit_sum(tariff: Tariff, quantity: int) -> None:
    check_tariff(tariff)
    assert meter.price(tariff, quantity) == slow_price(tariff, quantity)


@given(tariffs(), st.lists(st.integers(1, 60), max_size=12))
def test_charges_telescope_and_are_never_negative(tariff: Tariff, uses: list[int]) -> None:
    used = charged = 0
    for quantity in uses:
        step = meter.charge(tariff, used, used + quantity)
        assert step >= 0
        used, charged = used + quantity, charged + step
    assert charged == meter.price(tariff, used)


@given(st.integers(0, 2**53 - 1), st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_largest_remainder_shares_add_up_and_are_within_one_of_exact(
    amount: int, weights: list[int]
) -> None:
    if not any(weights):
        with pytest.raises(ValueError, match="must not all be zero"):
            split_largest_remainder(amount, weights)
        return
    shares = split_largest_remainder(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_rounding_is_half_even(numerator: int, denominator: int) -> None:
    assert round_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_basis_points_grow_with_the_amount_by_at_most_a_unit(amount: int, bps: int) -> None:
    assert 0 <= bps_of(amount + 1, bps) - bps_of(amount, bps) <= 1


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(123_456, "CNY", "¥1,234.56"), (-5, "USD", "-$0.05"), (1_000, "JPY", "JP¥1,000")],
)
def test_amounts_as_people_write_them(amount: int, currency: str, text: str) -> None:
    assert format_minor(amount, currency) == text


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"tiers": (Tier(up_to=None, unit_price_minor="1e3"),)}, "is not a decimal number"),
        ({"tiers": (Tier(up_to=None, unit_price_minor="-1"),)}, "is not a decimal number"),
        ({"tiers": (Tier(up_to=5, unit_price_minor="1"),)}, "the last tier must have no bound"),
        ({"package_size": 5}, "belongs to the package model"),
        ({"model": PriceModel.PACKAGE}, "belongs to the package model"),
        (
            {"tiers": tuple(Tier(up_to=up, unit_price_minor="1") for up in (9, 5, None))},
            "up_to must rise",
        ),
        (
            {
                "model": PriceModel.STANDARD,
                "tiers": tuple(Tier(up_to=up, unit_price_minor="1") for up in (9, None)),
            },
            "has one tier, not 2",
        ),
    ],
)
def test_an_unsound_tariff_says_which_part(change: dict, fault: str) -> None:
    sound = {
        "unit": Unit.CALL,
        "model": PriceModel.GRADUATED,
        "currency": "CNY",
        "tiers": (Tier(up_to=None, unit_price_minor="1"),),
    }
    check_tariff(Tariff(**sound))
    with pytest.raises(SchemaError, match=fault):
        check_tariff(Tariff(**{**sound, **change}))
