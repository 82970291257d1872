"""A burst of use, far above what the grant itself was used for before."""

from collections.abc import Iterator
from typing import Final

import msgspec

from market.watch.alerts import EVIDENCE_KEPT, alert
from market.watch.facts import Seen, Used
from market.watch.windows import HOUR_MS
from schemas.events import AlertRaised, AlertRule

GRANTS_MAX: Final = 10_000  # whose use is followed
BURST_FACTOR: Final = 8
BURST_UNITS_MIN: Final = 100
HOURS_MIN: Final = 3  # with use, before there is a history to compare with
HOURS_KEPT: Final = 168


class History(msgspec.Struct, kw_only=True):
    """A grant's use: of this hour so far, and of the `hours` with use before it together."""

    buyer_id: str
    hour_ms: int
    units: int = 0
    evidence: list[str] = []
    hours: int = 0
    total: int = 0
    told: bool = False


class Bursts(msgspec.Struct, kw_only=True):
    grants: dict[str, History] = {}


def used(bursts: Bursts, fact: Used, seen: Seen) -> Iterator[AlertRaised]:
    history = _history(bursts, fact, seen.at_ms // HOUR_MS * HOUR_MS)
    history.units += fact.quantity
    history.evidence = [*history.evidence[-EVIDENCE_KEPT + 1 :], seen.id]
    if history.told or history.hours < HOURS_MIN:
        return
    if (
        history.units >= BURST_UNITS_MIN
        and history.units * history.hours >= BURST_FACTOR * history.total
    ):
        history.told = True
        usual = max(1, history.total // history.hours)
        yield alert(
            AlertRule.USAGE_BURST,
            score=5 * history.units // usual,
            subjects=(fact.buyer_id,),
            evidence=history.evidence,
            span=(history.hour_ms, max(history.hour_ms, seen.at_ms)),
            measured=history.units,
            usual=usual,
            about=fact.grant_id,
        )


def _history(bursts: Bursts, fact: Used, hour_ms: int) -> History:
    """Return the grant's history with this hour begun; a use of an earlier hour counts in the
    newest.
    """
    history = bursts.grants.get(fact.grant_id)
    if history is not None and hour_ms <= history.hour_ms:
        return history
    if history is None:
        history = History(buyer_id=fact.buyer_id, hour_ms=hour_ms)
        if len(bursts.grants) >= GRANTS_MAX:
            del bursts.grants[min(bursts.grants, key=lambda id: (bursts.grants[id].hour_ms, id))]
        bursts.grants[fact.grant_id] = history
        return history
    history.hours, history.total = history.hours + 1, history.total + history.units
    if history.hours > HOURS_KEPT:  # the past fades: the newest half weighs as much as the rest
        history.hours, history.total = history.hours // 2, history.total // 2
    history.hour_ms, history.units, history.evidence, history.told = hour_ms, 0, [], False
    return history
