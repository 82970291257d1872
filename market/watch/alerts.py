"""Surveillance: what somebody should look at. No rule decides anything.

`bidding`: one bidder bids in one supplier's auctions only, and rarely wins; in seven days, by day.
`control`: buyer and supplier have a controlling body in common; at each trade and each change.
`prices`: a price is far from the item's last one, moved with the index of its field; at each trade.
`refusals`: a party is refused again and again; in an hour, by quarters.
`bursts`: an hour's use of a grant is far above its own hours before; at each use.

Scores go from 0 to 100 and rise with how far beyond its rule's limit something is.
"""

from collections.abc import Iterable
from typing import Any, Final

from market.watch.windows import Closing
from schemas.events import AlertRaised, AlertRule
from schemas.events.watch import EVIDENCE_MAX
from schemas.ids import make_id

EVIDENCE_KEPT: Final = 5  # event ids for each of what is counted


def alert(
    rule: AlertRule,
    *,
    score: int,
    subjects: tuple[str, ...],
    evidence: Iterable[str],
    span: tuple[int, int],
    measured: int,
    usual: int,
    about: str = "",
) -> AlertRaised:
    """`span` is the window looked at; an alert on one event counts from it and ends with it."""
    start_ms, end_ms = span
    told = tuple(dict.fromkeys(evidence))[:EVIDENCE_MAX]
    return AlertRaised(
        at_ms=end_ms,
        id=make_id("alr", rule, about, str(start_ms), str(end_ms), *subjects, *told),
        start_ms=start_ms,
        end_ms=end_ms,
        rule=rule,
        score=max(0, min(100, score)),
        subjects=subjects,
        evidence=told,
        measured=measured,
        usual=usual,
        about=about,
    )


def is_news(told: dict[str, int], what: str, window: Closing[Any]) -> bool:
    """Whether nothing was said of it in a window that overlaps this one; from now on it was."""
    for key in [key for key, end_ms in told.items() if end_ms <= window.start_ms]:
        del told[key]
    return told.setdefault(what, window.end_ms) == window.end_ms
