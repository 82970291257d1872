"""Tariffs: what metered use costs."""

import re
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from schemas.base import Amount, Fact, Quantity, SchemaError
from schemas.money import Currency

TIERS_MAX: Final = 50
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")


class Unit(StrEnum):
    CALL = "call"
    ROW = "row"
    BYTE = "byte"


class PriceModel(StrEnum):
    """One price; tiers with a price each; or a price per started package."""

    STANDARD = "standard"
    GRADUATED = "graduated"
    PACKAGE = "package"


class Tier(Fact):
    """`up_to` is cumulative and inclusive, counted beyond the free units; None has no bound.

    `unit_price_minor` is a decimal string in minor units, per unit or, in the package model, per
    package.
    """

    up_to: Quantity | None
    unit_price_minor: str


class Tariff(Fact):
    """`cap_minor` is the most the whole use of a grant costs."""

    unit: Unit
    model: PriceModel
    currency: Currency
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1, max_length=TIERS_MAX)]
    free_units: Amount = 0
    package_size: Quantity | None = None
    cap_minor: Amount | None = None


def check_tariff(tariff: Tariff) -> None:
    """Raises SchemaError that says which part of the tariff is wrong."""
    for index, tier in enumerate(tariff.tiers):
        if not _PRICE.fullmatch(tier.unit_price_minor):
            raise SchemaError(
                f"tiers[{index}].unit_price_minor: {tier.unit_price_minor!r} is not a decimal "
                "number of at most 15 digits and 9 decimals, such as '0.5'"
            )
    bounds = [tier.up_to for tier in tariff.tiers]
    if bounds[-1] is not None:
        raise SchemaError("tiers: the last tier must have no bound (up_to: null)")
    closed = [bound for bound in bounds[:-1] if bound is not None]
    if len(closed) < len(bounds) - 1 or closed != sorted(set(closed)):
        raise SchemaError(f"tiers: up_to must rise from tier to tier, not {bounds}")
    if tariff.model is not PriceModel.GRADUATED and len(bounds) > 1:
        raise SchemaError(f"tiers: the model {tariff.model} has one tier, not {len(bounds)}")
    if (tariff.model is PriceModel.PACKAGE) != (tariff.package_size is not None):
        raise SchemaError("package_size: belongs to the package model, and only to it")
