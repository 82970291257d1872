"""A run's report, and two runs compared."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.laboratory.report import by_time, report
from services.laboratory.run_folder import open_run
from tests.builders.cli import run

DAY_MS = 86_400_000
TRADES = [
    {"at_ms": DAY_MS * day, "mode": mode, "supplier": who, "buyer": "b", "price_minor": price}
    for day, mode, who, price in (
        (0, "english", "南宁气象", 90_000),
        (9, "dutch", "Beihai Port", 10_000),
        (70, "free", "Beihai Port", 0),
        (71, "metered", "Beihai Port", 5_000_000),
    )
]
BIDS = [
    {"at_ms": DAY_MS, "auction_id": "auc_1", "outcome": outcome}
    for outcome in ("placed", "placed", "placed", "bid_below_minimum")
]
USAGE = [
    {"at_ms": DAY_MS, "grant_id": "grt_1", "supplier": "x", "quantity": 5, "charge_minor": 100}
]


def finished(folder: Path, config: dict[str, Any], seed: int = 7, **metrics: float) -> Path:
    """Write what `sim run` leaves."""
    folder.mkdir()
    about = {
        "title": "Two <formats>",
        "config": config,
        "config_sha256": "a" * 64,
        "seed": seed,
        "versions": {"databourse": "0"},
        "events_sha256": "b" * 64,
        "metrics": metrics,
    }
    (folder / "run.json").write_text(json.dumps(about))
    for name, rows in (("trades", TRADES), ("bids", BIDS), ("usage", USAGE)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


def test_a_report_tells_what_was_paid_bid_and_earned(tmp_path: Path) -> None:
    text = report(open_run(finished(tmp_path / "run", {"buyers": 2}, trades=3, efficiency=0.934)))
    assert "english brought 90% of it" in text
    assert "4 bids, of which 25.0% were refused" in text
    assert "93.4%" in text
    assert "南宁气象" in text
    assert "Two &lt;formats&gt;" in text


def test_a_prepaid_budget_is_not_counted_beside_its_use(tmp_path: Path) -> None:
    text = report(open_run(finished(tmp_path / "run", {"venue": {"currency": "CNY"}})))
    assert "1k CNY in all" in text
    assert "The first 3 of 3 have 100%" in text


def test_a_report_compares_strategies_and_marks_shocks(tmp_path: Path) -> None:
    shock = {"at_day": 5.0, "lasts_days": 5.0, "field": "ocean", "values": 1.5, "use": 1.0}
    folder = finished(tmp_path / "run", {"start": "1970-01-01T00:00:00Z", "shocks": [shock]})
    told = {"at_ms": 0, "auction_id": "auc_1", "outcome": "placed", "format": "english"}
    rows = [{**told, "bidder_id": name, "strategy": name} for name in ("sniper", "truthful")]
    pq.write_table(pa.Table.from_pylist(rows), folder / "bids.parquet")
    text = report(open_run(folder))
    assert "Who bid well" in text
    assert "ocean values ×1.5" in text


def test_a_report_needs_nothing_from_outside_and_is_the_same_every_time(tmp_path: Path) -> None:
    opened = open_run(finished(tmp_path / "run", {}, trades=3))
    text = report(opened)
    assert text == report(opened)
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!#)|url\((?!#)|@import', text)


def test_a_run_without_trades_has_a_report(tmp_path: Path) -> None:
    folder = finished(tmp_path / "run", {})
    for name in ("trades", "bids", "usage"):
        (folder / f"{name}.parquet").unlink()
    assert "All figures" in report(open_run(folder))


def test_amounts_are_summed_by_day_or_week_as_there_is_room() -> None:
    labels, layers = by_time([(0, "a", 1.0), (DAY_MS, "b", 4.0), (DAY_MS + 1, "a", 2.0)])
    assert labels == ["01 Jan", "02 Jan"]
    assert layers == {"b": [0.0, 4.0], "a": [1.0, 2.0]}
    labels, layers = by_time([(0, "a", 1.0), (6 * DAY_MS, "a", 1.0), (364 * DAY_MS, "a", 1.0)])
    assert len(labels) == 53
    assert layers["a"][0] == 2.0


def test_two_runs_are_compared_by_setting_and_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = finished(tmp_path / "one", {"agents": {"buyers": 100}, "fee": 5}, revenue=200.0)
    other = finished(tmp_path / "other", {"agents": {"buyers": 200}, "fee": 5}, 8, revenue=250.0)
    assert run("sim", "compare", str(one), str(other), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"] == [
        {"name": "seed", "one": 7, "other": 8},
        {"name": "agents.buyers", "one": 100, "other": 200},
    ]
    assert told["metrics"] == [
        {"name": "revenue", "one": 200.0, "other": 250.0, "difference": 50.0, "change": 0.25}
    ]
    assert run("sim", "compare", str(one), str(other)) == 0
    assert "+25.0%" in capsys.readouterr().out


def test_a_folder_without_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sim", "compare", str(tmp_path), str(tmp_path)) == 2
    assert "no finished run" in capsys.readouterr().err
