"""What an operator may set at the edge; the defaults suit one machine that serves its own users."""

from typing import NamedTuple

from services.gateway.rate_limit import Quota


class EdgeSettings(NamedTuple):
    """Quotas per party that speaks, per address that does not, and of wrong tokens per address.

    A body must come within `body_s`, as must each piece of an upload.
    """

    party: Quota = Quota(120_000, 60)
    address: Quota = Quota(30_000, 60)
    failed: Quota = Quota(120, 60)
    body_s: float = 10.0
    streams_per_caller: int = 20
    streams: int = 1_500
