"""A scenario is run into a folder that is a market, the same for the same seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.audit.replay import replay_log
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import verify_log
from services.commands import UsageError
from services.laboratory.run_folder import open_run
from services.laboratory.scenario_file import read_scenario
from services.laboratory.simulate import simulate
from services.laboratory.strategies import strategies
from streams.embedded import EmbeddedReader

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
