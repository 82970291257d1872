"""Times as texts: RFC 3339 with a date, a time and an offset, and nothing looser."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_CLOCK: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_FORM: Final = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}:[0-5][0-9](\.[0-9]{{1,9}})?(Z|[+-]{_CLOCK})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_iso_time(text: str) -> int:
    """Return UTC epoch ms, parts of a millisecond cut off. Raises ValueError.

    No lower-case t or z, no time without an offset, no leap second, no 24:00: what readers of such
    texts differ about is refused.
    """
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is no time such as 2026-11-24T08:00:00Z")
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
