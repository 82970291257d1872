"""What things are worth at a time: values of auctions, and shocks to them and to use."""

from collections.abc import Callable
from functools import partial
from random import Random

from schemas.catalogue import Field
from simulation.agents.crowd import Market
from simulation.scenario.schema import DAY_MS, AuctionTable, Scenario, Shock

Stream = Callable[[str, str], Random]  # by an auction and a purpose


class Shocks:
    def __init__(self, scenario: Scenario) -> None:
        self._spans = [(self._span(scenario, shock), shock) for shock in scenario.shocks]

    def _span(self, scenario: Scenario, shock: Shock) -> tuple[int, int]:
        begins_ms = scenario.start_ms + round(shock.at_day * DAY_MS)
        return begins_ms, begins_ms + round(shock.lasts_days * DAY_MS)

    def factor(self, what: str, field: Field, at_ms: int) -> float:
        """Return the product of the shocks at this time; `what` is "values" or "use"."""
        product = 1.0
        for (begins_ms, ends_ms), shock in self._spans:
            if begins_ms <= at_ms < ends_ms and shock.field in (None, field):
                product *= shock.values if what == "values" else shock.use
        return product


def market(table: AuctionTable, field: Field, shocks: Shocks, stream: Stream) -> Market:
    """Return what buyers make of the auctions of one listing."""
    return Market(table.interest, partial(_value, table, field, shocks, stream))


def _value(
    table: AuctionTable,
    field: Field,
    shocks: Shocks,
    stream: Stream,
    auction_id: str,
    at_ms: int,
    draw: Random,
) -> int:
    value, share = table.value.private.drawn(draw), table.value.common_share
    if table.value.common is not None and share:
        common = table.value.common.drawn(stream(auction_id, "common"))
        value = common * share + value * (1 - share)
    return max(0, int(value * shocks.factor("values", field, at_ms)))
