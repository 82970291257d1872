"""`databourse sim sweep`: points, replications, resume, failures, means beside theory."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from services.commands import UsageError
from services.laboratory.summary import summarise
from services.laboratory.sweep import ROWS
from services.laboratory.sweep import run as sweep
from services.laboratory.sweep_plan import read_plan
from services.laboratory.sweep_subjects import subject_of
from tests.builders.cli import run

SMALL = """
subject = "auctions"
replications = 3
[fixed]
auctions = 20
[grid]
reserve = [0.0, 0.25, 0.5]
bidders = [2, 3, 4]
"""
PRODUCTS = ("runs.parquet", "means.parquet", "report.html")


def plan_of(folder: Path, text: str = SMALL) -> str:
    path = folder / "sweep.toml"
    path.write_text(text)
    return str(path)


def swept(folder: Path, name: str, text: str = SMALL, *options: str) -> Path:
    assert run("sim", "sweep", plan_of(folder, text), "--out", str(folder / name), *options) == 0
    return folder / name


def test_two_processes_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    one = swept(tmp_path, "one", SMALL, "--workers", "1")
    two = swept(tmp_path, "two", SMALL, "--workers", "2")
    for name in PRODUCTS:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


MARKET = """
title = "a market"
days = 6
agents = { buyers = 12 }
[money]
buyers = { distribution = "fixed", value = 1000000 }
users = { distribution = "fixed", value = 1 }
[[listings]]
name_zh = "甲"
name_en = "A"
field = "ocean"
count = 2
[listings.auction]
format = "english"
every_days = 2
lasts_hours = 24
interest = 0.5
value = { private = { distribution = "uniform", low = 200, high = 9000 } }
[[bidding]]
strategy = "truthful"
"""
OF_A_MARKET = """
subject = "scenario"
scenario = "market.toml"
replications = 3
[fixed]
days = 4
[grid]
"listings.0.auction.reserve_minor" = [0, 4000, 8900]
"agents.buyers" = [8, 12]
"""


@pytest.mark.long
def test_two_processes_run_scenarios_as_one_does(tmp_path: Path) -> None:
    (tmp_path / "market.toml").write_text(MARKET)
    one = swept(tmp_path, "one", OF_A_MARKET, "--workers", "1")
    two = swept(tmp_path, "two", OF_A_MARKET, "--workers", "2")
    for name in PRODUCTS:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_a_scenario_is_swept_by_dotted_names(tmp_path: Path) -> None:
    (tmp_path / "market.toml").write_text(MARKET)
    plan = read_plan(Path(plan_of(tmp_path, OF_A_MARKET)))
    subject = subject_of(plan, tmp_path)
    outcomes = sweep(plan, subject, tmp_path / "out", 1)
    assert [outcome.error for outcome in outcomes] == [""] * 18
    means = [row for row in summarise(plan, subject, outcomes) if row.metric == "sell_through"]
    sold = {tuple(row.settings.values())[1:]: row.mean for row in means}
    assert len(sold) == 6
    assert sold[0, 12] == 1
    assert sold[0, 12] > sold[8900, 12]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("agents.buyer", "did you mean 'buyers'"),
        ("listings.1.auction.reserve_minor", "listings is a list of 1"),
        ("listings.auction.reserve_minor", "listings is a list of 1"),
    ],
)
def test_a_name_that_is_not_in_the_scenario_is_refused_before_anything_runs(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "market.toml").write_text(MARKET)
    plan = read_plan(Path(plan_of(tmp_path, OF_A_MARKET.replace("agents.buyers", name))))
    with pytest.raises(UsageError, match=said):
        subject_of(plan, tmp_path)


def test_a_sweep_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = swept(tmp_path, "whole", SMALL, "--workers", "1")
    torn = tmp_path / "torn"
    torn.mkdir()
    lines = (whole / ROWS).read_text().splitlines(keepends=True)
    (torn / ROWS).write_text("".join(lines[:10]) + lines[10][:30])
    swept(tmp_path, "torn", SMALL, "--workers", "1")
    now = (torn / ROWS).read_text().splitlines()
    assert len(now) == 27 + 1  # the line that was cut off stays, and counts for nothing
    assert [line + "\n" for line in now[:10]] == lines[:10]
    for name in PRODUCTS:
        assert (torn / name).read_bytes() == (whole / name).read_bytes(), name


def test_more_replications_later_take_up_those_that_were_run(tmp_path: Path) -> None:
    folder = swept(tmp_path, "out", SMALL)
    before = (folder / ROWS).read_text()
    swept(tmp_path, "out", SMALL.replace("replications = 3", "replications = 4"))
    after = (folder / ROWS).read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 36


def test_every_point_has_the_same_random_numbers(tmp_path: Path) -> None:
    runs = pq.read_table(swept(tmp_path, "out") / "runs.parquet").to_pylist()
    seeds = {(row["replication"], row["seed"]) for row in runs}
    assert len(seeds) == len({seed for _, seed in seeds}) == 3
    worth = {
        row["replication"]: row["surplus"]
        for row in runs
        if row["bidders"] == 2 and row["reserve"] == 0
    }
    assert len(set(worth.values())) == 3
    for row in runs:
        assert row["surplus"] >= worth[row["replication"]] or row["reserve"] > 0


def test_failed_runs_are_rows_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SMALL.replace("[2, 3, 4]", "[2, 0]")
    out = tmp_path / "out"
    assert run("sim", "sweep", plan_of(tmp_path, text), "--out", str(out), "--json") == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 9
    runs = pq.read_table(out / "runs.parquet").to_pylist()
    failed = [row for row in runs if row["error"]]
    assert {row["bidders"] for row in failed} == {0}
    assert all("bidders" in row["error"] and row["revenue"] is None for row in failed)
    assert len(runs) == 18
    assert "9 runs failed" in (out / "report.html").read_text()


def test_means_come_with_an_interval_and_theory(tmp_path: Path) -> None:
    means = pq.read_table(swept(tmp_path, "out") / "means.parquet").to_pylist()
    (row,) = [
        mean
        for mean in means
        if mean["metric"] == "revenue" and mean["bidders"] == 2 and mean["reserve"] == 0.5
    ]
    assert row["theory"] == pytest.approx(5 / 12)
    assert row["low"] < row["mean"] < row["high"]
    assert row["replications"] == 3


def test_a_list_of_points_is_swept_without_a_grid(tmp_path: Path) -> None:
    listed = """
subject = "auctions"
replications = 2
fixed = { auctions = 10 }
points = [{ format = "dutch", bidders = 2 }, { format = "uniform", bidders = 5, licences = 2 }]
"""
    runs = pq.read_table(swept(tmp_path, "out", listed) / "runs.parquet").to_pylist()
    assert [row["format"] for row in runs] == ["dutch", "dutch", "uniform", "uniform"]


def test_the_report_needs_nothing_from_outside(tmp_path: Path) -> None:
    text = (swept(tmp_path, "out") / "report.html").read_text()
    assert "<script" not in text
    assert "<svg" in text
    assert "theory" in text
    assert not re.search(r'(src|href)="(?!#)|url\((?!#)|@import', re.sub(r"data:[^\"]*", "#", text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SMALL.replace("[grid]", "[gird]"), "gird"),
        (SMALL.replace("replications = 3", "replications = 0"), "replications"),
        ("subject = ", "cannot be read"),
        (SMALL.replace("replications = 3", "replications = 99_999"), "100,000 runs"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_plan(Path(plan_of(tmp_path, text)))
