"""The simulator: a market of agents under all rules; its scheduler against SimPy and Mesa; auctions
held and cleared, against bare loops; and whether more commands take more time each.
"""

import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.peers import clearings, schedulers
from bench.report import Row, arguments, best_seconds, show
from market.auction import FORMATS
from market.auction_state import Auction, Bid
from schemas.auctions import AuctionTerms
from schemas.base import Command
from schemas.commands import OpenVenue, TimePassed
from schemas.reasons import Unsold
from services.laboratory.scenario_file import read_scenario
from services.laboratory.strategies import strategies
from simulation.chance import Chance
from simulation.scenario.world import build
from simulation.stage import Stage
from simulation.theory import experiments
from simulation.theory.bidding import shaded, truthful
from simulation.theory.experiments import Drawn

SCENARIO = Path(__file__).parents[1] / "examples" / "guangxi.toml"
SEED = 7
GROWTH = 20
WAKES = 300  # of each agent
TURNS = 5
AUCTIONS = tuple(
    Drawn(format, 5, shaded if format in ("first-price", "dutch") else truthful, licences=licences)
    for format, licences in zip(clearings.EARNED, (1, 1, 1, 1, 3), strict=True)
)
CLEARED = {
    "first price": (experiments.first_price(), clearings.first, 1),
    "second price": (experiments.second_price(), clearings.second, 1),
    "uniform, 10 licences": (experiments.uniform(10), clearings.highest_losing, 10),
}


class Ran(NamedTuple):
    """What a market said: at its opening, and afterwards in so many seconds."""

    opening: list[Command]
    commands: list[Command]
    seconds: float


# --- the market ---


def run_market(commands: int) -> Ran:
    """Run a market until so many commands were said after its opening."""
    kernel = build(read_scenario(SCENARIO, []), Chance(SEED), strategies())
    opening: list[Command] = []
    said: list[Command] = []
    opening_ms = kernel.now_ms
    start = time.perf_counter()
    for cascade in kernel.run(schedulers.FOREVER):
        command = cascade[0].message
        if isinstance(command, TimePassed):
            continue
        if command.at_ms == opening_ms:
            opening.append(command)
            start = time.perf_counter()
            continue
        said.append(command)
        if len(said) == commands:
            break
    assert len(said) == commands, "a market goes on"
    return Ran(opening, said, time.perf_counter() - start)


def fed_seconds(ran: Ran) -> float:
    """Return how long one venue takes for the same commands, ready made, and their deadlines."""
    (opened, *opening), start_ms = ran.opening, ran.opening[0].at_ms
    assert isinstance(opened, OpenVenue), "a market begins by opening its venue"
    stage = Stage(opened.terms, start_ms)
    for command in opening:
        stage.say(command)
    start = time.perf_counter()
    for command in ran.commands:
        stage.say(command)
    return time.perf_counter() - start


def market_rows(commands: int) -> list[Row]:
    ran, part = run_market(commands), run_market(commands // GROWTH)
    rate, fed = commands / ran.seconds, commands / fed_seconds(ran)
    return [
        Row("market of agents, full rules, structs only", rate, "commands/s", 40_000),
        Row("the same commands ready made, rules alone", fed, "commands/s"),
        Row("market against rules alone, time", fed / rate, "x"),
        Row(f"{GROWTH}x the commands, time", ran.seconds / part.seconds, "x", 25, True),
    ]


# --- the scheduler ---


def scheduler_rows(agents: int) -> list[Row]:
    """In turns, so that what else the machine does disturbs all alike."""
    seconds = dict.fromkeys(schedulers.BY, inf)
    for _ in range(TURNS):
        for name, wake in schedulers.BY.items():
            start = time.perf_counter()
            assert wake(agents, WAKES) == agents * WAKES, "each wakes its agents as often"
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    ours = seconds.pop("kernel")
    rows = [Row("kernel, agents that do nothing", agents * WAKES / ours, "wakes/s")]
    for name, theirs in seconds.items():
        bar = 1.5 if name == "SimPy" else None
        rows.append(Row(f"kernel against {name}, speed", theirs / ours, "x", bar))
    return rows


# --- auctions ---


def held_rows(auctions: int) -> list[Row]:
    """Auctions with drawn values, by the experiments of the theory and by bare loops."""
    rows = []
    for drawn in AUCTIONS:
        sold, bare = drawn.run(Chance(SEED), auctions), clearings.run(drawn, Chance(SEED), auctions)
        assert sold.revenues_minor() == bare, f"{drawn.format}: both must earn the same"
        ours = best_seconds(lambda drawn=drawn: drawn.run(Chance(SEED), auctions), 1)
        base = best_seconds(lambda drawn=drawn: clearings.run(drawn, Chance(SEED), auctions))
        rows += [
            Row(f"{drawn.format}, 5 bidders, held by all rules", auctions / ours, "auctions/s"),
            Row(f"{drawn.format}, time against the bare loop", ours / base, "x"),
        ]
    return rows


def cleared_rows(bids: int) -> list[Row]:
    """The clearing alone, of one auction with many bids."""
    draw = Random(SEED)
    amounts = [draw.randint(1, experiments.UNIT) for _ in range(bids)]
    rows = []
    for name, (terms, earned, licences) in CLEARED.items():
        auction, clear = _closing(terms, amounts), FORMATS[type(terms)].clear
        awards = clear(auction)
        assert not isinstance(awards, Unsold), "there are bids"
        assert sum(award.price_minor for award in awards) == earned(amounts, licences)
        ours = best_seconds(lambda clear=clear, auction=auction: clear(auction))
        base = best_seconds(lambda earned=earned, by=licences: earned(amounts, by))
        rows += [
            Row(f"{name}, clearing alone", bids / ours, "bids/s"),
            Row(f"{name}, clearing, time against the bare loop", ours / base, "x"),
        ]
    return rows


def _closing(terms: AuctionTerms, amounts: Sequence[int]) -> Auction:
    bids = [
        Bid(
            id=f"bid_{number}",
            bidder_id=f"pty_{number}",
            max_price_minor=amount,
            at_ms=number,
            buyer_fee_bps=0,
            nonce="",
        )
        for number, amount in enumerate(amounts)
    ]
    return Auction(
        id="auc_bench",
        listing_id="lst_bench",
        supplier_id="pty_seller",
        terms=terms,
        ends_at_ms=terms.ends_at_ms,
        price_minor=terms.start_price_minor,
        standing={bid.id: bid for bid in bids},
    )


def main() -> None:
    options = arguments(__doc__ or "", commands=100_000, agents=1_000, auctions=1_000, bids=100_000)
    show("Market", market_rows(options.commands), options.json)
    show("Scheduler", scheduler_rows(options.agents), options.json)
    show("Auctions", held_rows(options.auctions) + cleared_rows(options.bids), options.json)


if __name__ == "__main__":
    main()
