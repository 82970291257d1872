"""Buyer and supplier of one controlling body, which the rules of matching do not see when the body
is further up, or came later.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from market.watch.alerts import alert
from market.watch.facts import Admitted, Seen, Traded
from market.watch.windows import DAY_MS
from schemas.events import AlertRaised, AlertRule

CONTROLLED_MAX: Final = 20_000  # bodies that another controls
LINE_MAX: Final = 20  # of bodies, each controlled by the next
DEALS_KEPT: Final = 1_000  # against which a change of control is held
CONTROL_MS: Final = 90 * DAY_MS  # before the change


class Deal(msgspec.Struct):
    at_ms: int
    event_id: str
    buyer_id: str
    supplier_id: str


class Control(msgspec.Struct, kw_only=True):
    """Who controls whom, and the deals between parties that nobody controlled both of."""

    controllers: dict[str, str] = {}
    deals: list[Deal] = []


def admitted(control: Control, fact: Admitted, seen: Seen) -> Iterator[AlertRaised]:
    """A change of control is held against the deals of the last days."""
    before = control.controllers.pop(fact.party_id, None)
    if fact.controller_id is not None and len(control.controllers) < CONTROLLED_MAX:
        control.controllers[fact.party_id] = fact.controller_id
    if fact.controller_id in (None, before):
        return
    kept: list[Deal] = []
    for deal in control.deals:
        common = _common(control, deal.buyer_id, deal.supplier_id)
        if not common:
            kept.append(deal)
        elif deal.at_ms >= seen.at_ms - CONTROL_MS:
            yield _of_one_body(deal, seen, common, score=60, evidence=(deal.event_id, seen.id))
    control.deals = kept


def dealt(control: Control, fact: Traded, seen: Seen) -> Iterator[AlertRaised]:
    deal = Deal(seen.at_ms, seen.id, fact.buyer_id, fact.supplier_id)
    if common := _common(control, fact.buyer_id, fact.supplier_id):
        yield _of_one_body(deal, seen, common, score=100, evidence=(seen.id,))
        return
    control.deals.append(deal)
    del control.deals[:-DEALS_KEPT]


def _of_one_body(
    deal: Deal, seen: Seen, common: str, *, score: int, evidence: tuple[str, ...]
) -> AlertRaised:
    return alert(
        AlertRule.COMMON_CONTROL,
        score=score,
        subjects=(deal.buyer_id, deal.supplier_id),
        evidence=evidence,
        span=(min(deal.at_ms, seen.at_ms), seen.at_ms),
        measured=1,
        usual=0,
        about=common,
    )


def _common(control: Control, buyer_id: str, supplier_id: str) -> str:
    """Return the first body up the buyer's line that stands in the supplier's too, or nothing."""
    above = _line(control, supplier_id)
    return next((id for id in _line(control, buyer_id) if id in above), "")


def _line(control: Control, party_id: str) -> list[str]:
    line = [party_id]
    while (above := control.controllers.get(line[-1])) and above not in line:
        line.append(above)
        if len(line) == LINE_MAX:
            break
    return line
