"""A scenario is run into a folder that is a market, the same for the same seed."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest

from schemas.base import Command
from schemas.commands import TimePassed
from schemas.envelope import decode_record
from services.audit.replay import replay_log
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import verify_log
from services.commands import UsageError
from services.laboratory.run_folder import open_run
from services.laboratory.scenario_file import read_scenario
from services.laboratory.simulate import simulate
from services.laboratory.strategies import strategies
from simulation.scenario.schema import ScenarioError, Use, check
from streams.embedded import EmbeddedLog, EmbeddedReader
from streams.runner import CascadeRunner

MONEY = {name: {"distribution": "fixed", "value": 1} for name in ("buyers", "users")}
LISTINGS = [{"name_zh": "甲", "name_en": "A", "field": "ocean", "free": {}}]
ROOT = Path(__file__).parents[2]
GUANGXI = ROOT / "examples" / "guangxi.toml"
SIM_RUN = [sys.executable, "-m", "services.cli", "sim", "run"]
SMALL = ["days=10", "agents.buyers=60", "agents.users=4", "agents.readers=10"]
TINY = ["days=2", "agents.buyers=20", "agents.users=2", "agents.readers=4"]


def run(folder: Path, seed: int = 7, settings: list[str] = TINY) -> dict:
    return simulate(read_scenario(GUANGXI, settings), seed, folder, lambda done: None)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "small"
    run(folder, settings=SMALL)
    return folder


def test_a_run_is_a_market_that_verifies_and_replays(small: Path) -> None:
    log = EmbeddedReader(small)
    assert verify_log(log, stored_notes(small), stored_verifier(small)).findings == []
    assert replay_log(log).findings == []
    log.close()


def test_a_run_leaves_tables_and_figures_that_agree(small: Path) -> None:
    folder = open_run(small)
    metrics = folder.about["metrics"]
    assert len(folder.table("trades")) == metrics["trades"] > 20
    assert sum(row["amount_minor"] for row in folder.table("ledger")) == 0
    charged = sum(row["charge_minor"] for row in folder.table("usage"))
    assert charged == round(metrics["meter_revenue"] * 100) > 0
    assert {row["mode"] for row in folder.table("trades")} >= {"english", "free", "metered"}
    assert 0.3 < metrics["efficiency"] <= 1


def test_tables_tell_what_no_rule_knows(small: Path) -> None:
    folder = open_run(small)
    assert {bid["strategy"] for bid in folder.table("bids")} >= {"truthful", "incremental"}
    assert all(bid["value_minor"] > 0 for bid in folder.table("bids"))
    won = [trade for trade in folder.table("trades") if trade["strategy"] == "truthful"]
    assert won
    assert all(trade["value_minor"] >= trade["price_minor"] for trade in won)
    assert "Who bid well" in (small / "report.html").read_text()


def test_agents_look_before_they_bid(small: Path) -> None:
    bids = open_run(small).table("bids")
    refused = [bid for bid in bids if bid["outcome"] != "placed"]
    assert len(bids) > 100
    assert len(refused) < len(bids) * 0.05


@pytest.mark.long
def test_the_seed_alone_decides_the_bytes(tmp_path: Path) -> None:
    digests = set()
    for number in (1, 2):
        sets = [part for setting in TINY for part in ("--set", setting)]
        out = str(tmp_path / str(number))
        told = subprocess.run(
            [*SIM_RUN, str(GUANGXI), *sets, "--out", out, "--json"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(json.loads(told.stdout)["events_sha256"])
    assert len(digests) == 1
    assert digests != {run(tmp_path / "other", seed=8)["events_sha256"]}


@pytest.mark.long
def test_the_same_commands_one_at_a_time_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    """The simulation against the runner that serves a market, on the log that it serves from."""
    run_log = EmbeddedReader(small)
    bodies = [body for _, body in run_log.read(0)]
    run_log.close()
    said = [decode_record(body).data for body in bodies]
    commands = [one for one in said if isinstance(one, Command) and not isinstance(one, TimePassed)]
    assert len(commands) > 500
    clock = Clock(commands[0].at_ms)
    log = EmbeddedLog(tmp_path)
    runner = CascadeRunner(log, clock)
    for command in commands:
        clock.now_ms = command.at_ms
        runner.run_now([command])
    clock.now_ms = read_scenario(GUANGXI, SMALL).end_ms
    runner.run_now([])
    digest = hashlib.sha256(b"".join(body + b"\n" for _, body in log.read(0))).hexdigest()
    log.close()
    assert digest == open_run(small).about["events_sha256"]


class Clock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@pytest.mark.long
def test_runs_in_two_processes_have_the_digests_of_runs_in_one(tmp_path: Path) -> None:
    alone = [run(tmp_path / f"one{seed}", seed)["events_sha256"] for seed in (7, 8)]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        both = list(pool.map(run, [tmp_path / f"two{seed}" for seed in (7, 8)], (7, 8)))
    assert [about["events_sha256"] for about in both] == alone


def test_an_unknown_setting_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'buyers'"):
        read_scenario(GUANGXI, ["agents.buyer=3"])


def test_a_folder_that_holds_a_market_is_not_written_to(small: Path) -> None:
    with pytest.raises(UsageError, match="holds a market already"):
        run(small)


def test_a_strategy_of_another_distribution_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "halver-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: halver\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[databourse.strategies]\nhalver = halver:make\n")
    (tmp_path / "halver.py").write_text("def make(settings): return 'halver'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = strategies()["halver"]({})
    assert made == "halver"
    assert "truthful" in strategies()


def test_a_scenario_extends_another(tmp_path: Path) -> None:
    (tmp_path / "under.toml").write_text(GUANGXI.read_text())
    above = tmp_path / "above.toml"
    above.write_text('extends = "under.toml"\ndays = 3\n[agents]\nbuyers = 4\n')
    scenario = read_scenario(above, [])
    assert (scenario.days, scenario.agents.buyers, scenario.agents.suppliers) == (3, 4, 60)


def test_users_come_back_as_recorded(tmp_path: Path) -> None:
    day = 86_400_000
    times = [("a", 0, 5), ("b", 9, 1), ("a", day, 30), ("a", 3 * day, 70)]
    rows = [f"{ms},{client},{size}" for client, ms, size in times]
    (tmp_path / "use.csv").write_text("\n".join(["time_ms,client,bytes", *rows]) + "\n")
    scenario = read_scenario(GUANGXI, ["days=40", "agents.buyers=0", "agents.readers=0"])
    scenario = msgspec.structs.replace(
        scenario,
        agents=msgspec.structs.replace(scenario.agents, users=1),
        use=[Use(trace="use.csv")],
        shocks=[],
    )
    simulate(scenario, 7, tmp_path / "run", lambda done: None, tmp_path)
    usage = open_run(tmp_path / "run").table("usage")
    assert [use["quantity"] for use in usage[:4]] == [30, 70, 30, 70]
    gaps = [after["at_ms"] - before["at_ms"] for before, after in pairwise(usage)]
    assert [round(gap / day) for gap in gaps[:3]] == [2, 1, 2]


def test_a_trace_that_is_not_there_is_named(tmp_path: Path) -> None:
    scenario = msgspec.structs.replace(read_scenario(GUANGXI, []), use=[Use(trace="missing.csv")])
    with pytest.raises(UsageError, match=r"the trace .*missing\.csv cannot be read"):
        simulate(scenario, 7, tmp_path / "run", lambda done: None, tmp_path)


@pytest.mark.parametrize(
    "use",
    [{"quantity": {"distribution": "fixed", "value": 1}}, {"trace": "a.csv", "burst": 3}, {}],
)
def test_a_use_is_drawn_or_recorded(use: dict) -> None:
    with pytest.raises(ScenarioError, match="gap_hours and quantity, or a trace"):
        check({"title": "t", "agents": {}, "money": MONEY, "listings": LISTINGS, "use": [use]})
