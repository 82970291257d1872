"""A party that is refused again and again: a broken program, or somebody who tries doors."""

from collections.abc import Iterator
from typing import Final

import msgspec

from market.watch.alerts import EVIDENCE_KEPT, alert, is_news
from market.watch.facts import Seen
from market.watch.windows import HOUR_BY_QUARTERS, Panes, closings, pane
from schemas.events import AlertRaised, AlertRule

PARTIES_MAX: Final = 5_000  # refused in a quarter of an hour
REFUSALS_MIN: Final = 20


class Refusal(msgspec.Struct):
    times: int = 0
    evidence: list[str] = []


class Refusals(msgspec.Struct, kw_only=True):
    quarters: Panes[dict[str, Refusal]] = msgspec.field(default_factory=Panes)
    told: dict[str, int] = {}


def refused(refusals: Refusals, party_id: str, seen: Seen, now_ms: int) -> None:
    quarter = pane(refusals.quarters, HOUR_BY_QUARTERS, seen.at_ms, now_ms, dict)
    if party_id not in quarter:
        if len(quarter) >= PARTIES_MAX:
            return
        quarter[party_id] = Refusal()
    refusal = quarter[party_id]
    refusal.times += 1
    if len(refusal.evidence) < EVIDENCE_KEPT:
        refusal.evidence.append(seen.id)


def close_refusals(
    refusals: Refusals, stream: str, before_ms: int, now_ms: int
) -> Iterator[AlertRaised]:
    """`stream` says what was refused, deals or use: an hour of each is counted alone."""
    for hour in closings(refusals.quarters, HOUR_BY_QUARTERS, before_ms, now_ms):
        for party_id in sorted(hour.contents[-1]):
            each = [quarter[party_id] for quarter in hour.contents if party_id in quarter]
            times = sum(refusal.times for refusal in each)
            if times >= REFUSALS_MIN and is_news(refusals.told, party_id, hour):
                yield alert(
                    AlertRule.REPEATED_REFUSALS,
                    score=50 * times // REFUSALS_MIN,
                    subjects=(party_id,),
                    evidence=(id for refusal in each for id in refusal.evidence),
                    span=(hour.start_ms, hour.end_ms),
                    measured=times,
                    usual=REFUSALS_MIN,
                    about=stream,
                )
