"""Times as people type them."""

from datetime import UTC, datetime

from services.commands import UsageError


def read_time(text: str) -> int:
    """Return UTC epoch ms of epoch ms or of RFC 3339 such as 2026-11-24T08:00:00Z; a date alone is
    its midnight, and without an offset it is UTC. Raises UsageError.
    """
    if text.isdecimal() and text.isascii():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no time; write 2026-11-24, 2026-11-24T08:00:00Z or epoch milliseconds"
        ) from error
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
