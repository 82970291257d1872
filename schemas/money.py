"""Money: integer minor units with a currency. All rounding of the exchange is done here, half-
even.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta

MINOR_DIGITS: Final = {  # ISO 4217: digits after the point
    "BND": 2,
    "CNY": 2,
    "EUR": 2,
    "HKD": 2,
    "IDR": 2,
    "JPY": 0,
    "KHR": 2,
    "LAK": 2,
    "MMK": 2,
    "MYR": 2,
    "PHP": 2,
    "SGD": 2,
    "THB": 2,
    "USD": 2,
    "VND": 0,
}
_SYMBOLS: Final = {"CNY": "¥", "USD": "$", "EUR": "€", "JPY": "JP¥", "HKD": "HK$", "SGD": "S$"}

Currency = Annotated[str, Meta(pattern=f"^({'|'.join(MINOR_DIGITS)})$", min_length=3, max_length=3)]


def round_half_even(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded to the nearest integer, a tie to the even one."""
    assert denominator > 0, "a price is divided by a positive number"
    quotient, rest = divmod(numerator, denominator)
    above = 2 * rest - denominator
    return quotient + (above > 0 or (above == 0 and quotient % 2 == 1))


def bps_of(amount_minor: int, bps: int) -> int:
    """Return so many basis points (hundredths of a percent) of an amount, half-even."""
    return round_half_even(amount_minor * bps, 10_000) if bps else 0


def split_largest_remainder(amount_minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Return shares of an amount in proportion to the weights that add up to it exactly.

    What rounding down leaves over goes, one unit each, to the largest remainders; of equal ones,
    to the earlier. Raises ValueError when no weight is positive or one is negative.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError(f"weights must not be negative and must not all be zero: {weights!r}")
    shares = [amount_minor * weight // total for weight in weights]
    remainders = [amount_minor * weight % total for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in order[: amount_minor - sum(shares)]:
        shares[index] += 1
    return tuple(shares)


def format_minor(amount_minor: int, currency: str) -> str:
    """Return an amount as people write it: 123456 CNY is "¥1,234.56"."""
    digits = MINOR_DIGITS[currency]
    whole, part = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    fraction = f".{part:0{digits}}" if digits else ""
    return f"{sign}{_SYMBOLS.get(currency, currency + ' ')}{whole:,}{fraction}"
