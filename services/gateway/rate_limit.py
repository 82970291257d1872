"""How many calls a caller may make: a moving window of slots, in bounded memory.

Never more than the quota within any window: a call counts until its whole slot is a window old, so
it may count a slot's length longer than it must. The header fields are those of
draft-ietf-httpapi-ratelimit-headers: `r` calls are left, and in `t` seconds there are more.
"""

import ipaddress
import re
from collections import OrderedDict, deque
from typing import Final, NamedTuple

CALLERS_MAX: Final = 20_000  # remembered by one limiter; who was away longest is forgotten first
SLOTS: Final = 12
IPV6_PREFIX: Final = 64  # one customer's network, not one address
_QUOTA: Final = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,4})")


class Quota(NamedTuple):
    """So many calls in so many seconds."""

    calls: int
    window_s: int

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """Raises ValueError unless the text is CALLS/SECONDS, such as 600/60."""
        found = _QUOTA.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not CALLS/SECONDS, such as 600/60")
        return cls(int(found[1]), int(found[2]))


class Standing(NamedTuple):
    """Where a caller stands after a call: whether it is allowed, and what is left."""

    name: str
    quota: Quota
    allowed: bool
    left: int
    more_in_s: int

    def headers(self) -> dict[str, str]:
        fields = {
            "RateLimit-Policy": f'"{self.name}";q={self.quota.calls};w={self.quota.window_s}',
            "RateLimit": f'"{self.name}";r={self.left};t={self.more_in_s}',
        }
        return fields if self.allowed else {**fields, "Retry-After": str(self.more_in_s)}


class _Window:
    """The calls of one caller by slot, the oldest first."""

    __slots__ = ("slots", "used")

    def __init__(self) -> None:
        self.slots: deque[list[int]] = deque()  # [number of the slot, calls in it]
        self.used = 0


class RateLimiter:
    def __init__(self, name: str, quota: Quota) -> None:
        self._name = name
        self._quota = quota
        self._slot_ms = -(-quota.window_s * 1_000 // SLOTS)
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def take(self, caller: str, now_ms: int) -> Standing:
        """Count a call of this caller, if it is allowed."""
        window = self._windows.get(caller)
        if window is None:
            window = self._windows[caller] = _Window()
            if len(self._windows) > CALLERS_MAX:
                self._windows.popitem(last=False)
        self._windows.move_to_end(caller)
        slot = now_ms // self._slot_ms
        while window.slots and window.slots[0][0] < slot - SLOTS:
            window.used -= window.slots.popleft()[1]
        allowed = window.used < self._quota.calls
        if allowed:
            window.used += 1
            if not window.slots or window.slots[-1][0] != slot:
                window.slots.append([slot, 0])
            window.slots[-1][1] += 1
        more_at_ms = (window.slots[0][0] + SLOTS + 1) * self._slot_ms
        more_in_s = -(-(more_at_ms - now_ms) // 1_000)
        left = self._quota.calls - window.used
        return Standing(self._name, self._quota, allowed, left, more_in_s)

    def __len__(self) -> int:
        return len(self._windows)


def address_key(address: str) -> str:
    """Return whom an address counts for: itself, or the network a customer is given in IPv6."""
    try:
        if ipaddress.ip_address(address).version == 6:
            return str(ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False))
    except ValueError:
        pass  # not an address, such as a socket's name
    return address
