"""What people write into forms, as the interface wants it. Refused says what is wrong."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from schemas.money import MINOR_DIGITS
from services.pages.api import Refused
from services.pages.words import HERE

Form = Mapping[str, str]
_YES: Final = frozenset({"yes", "on", "true"})


def amount(form: Form, name: str, currency: str) -> int:
    """Return an amount such as "1,500.50" in minor units of its currency."""
    said = form.get(name, "").strip().replace(",", "").removeprefix("¥")
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise Refused(422, "currency_unknown", f"currency: {currency[:10]!r}")
    try:
        exact = Decimal(said).scaleb(digits)
        if exact == exact.to_integral_value() and 0 < exact < 10**15:
            return int(exact)
    except InvalidOperation:
        pass
    raise Refused(422, "amount_invalid", f"{name}: {said[:40]!r}")


def plain(amount_minor: int, currency: str) -> str:
    """Return an amount as `amount` reads it."""
    return str(Decimal(amount_minor).scaleb(-MINOR_DIGITS[currency]))


def number(form: Form, name: str, otherwise: int) -> int:
    said = form.get(name, "").strip() or str(otherwise)
    if not said.isdecimal() or len(said) > 15:
        raise Refused(422, "number_invalid", f"{name}: {said[:40]!r}")
    return int(said)


def moment(form: Form, name: str) -> int:
    """Return a local time such as 2026-11-25T18:30 as UTC epoch milliseconds."""
    said = form.get(name, "").strip()
    try:
        return int(datetime.fromisoformat(said).replace(tzinfo=HERE).timestamp() * 1000)
    except ValueError:
        raise Refused(422, "time_invalid", f"{name}: {said[:40]!r}") from None


def yes(form: Form, name: str) -> bool:
    return form.get(name, "") in _YES
