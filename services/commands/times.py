"""Times as people type them."""

import re

from schemas.times import read_iso_time
from services.commands import UsageError


def read_time(text: str) -> int:
    """Return UTC epoch ms of epoch ms or of RFC 3339 such as 2026-11-24T08:00:00Z; a date alone is
    its midnight, and without an offset it is UTC. Raises UsageError.
    """
    if text.isascii() and text.isdecimal():
        return int(text)
    full = f"{text}T00:00:00" if len(text) == len("2026-11-24") else text
    try:
        return read_iso_time(full if re.search(r"(Z|[+-]\d\d:\d\d)$", full) else f"{full}Z")
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no time; write 2026-11-24, 2026-11-24T08:00:00Z or epoch milliseconds"
        ) from error
