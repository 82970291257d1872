"""Runs a scenario and leaves a folder: the market's log as `serve --data` opens it, a signed tree
head, tables, run.json and report.html.
"""

import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.envelope import RULES_VERSION
from schemas.topics import Service
from services import __version__
from services.audit.shelf import folder_shelf
from services.audit.store import AuditStore
from services.commands import UsageError
from services.files import write_whole
from services.laboratory.report import report
from services.laboratory.run_folder import ABOUT, RunFolder
from services.laboratory.strategies import strategies
from services.laboratory.tables import Tables
from services.laboratory.traces import read_traces
from simulation.chance import Chance
from simulation.metrics import Metrics
from simulation.scenario.schema import Scenario, ScenarioError
from simulation.scenario.world import build
from streams.embedded import FILE_NAME, EmbeddedLog, EmbeddedReader
from streams.log import Entry
from streams.recovery import snapshot
from streams.runner import cursor_name
from streams.scribe import Scribe

GROUP_ENTRIES: Final = 10_000


class _Writer:
    """Puts cascades into a log in large groups, and keeps the digest of all bytes."""

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self._scribe = Scribe(log.venue, log.heads())
        self._entries: list[Entry] = []
        self.digest = hashlib.sha256()

    def take(self, cascade: list[Any]) -> None:
        self._entries += self._scribe.write_cascade(cascade)
        if len(self._entries) >= GROUP_ENTRIES:
            self._append([])

    def end(self, venue: Any) -> None:
        size = self._log.size + len(self._entries)
        states = {Service.MATCHING: venue.matching, Service.SETTLEMENT: venue.settlement}
        self._append([snapshot(service, state, size) for service, state in states.items()])

    def _append(self, snapshots: list[Any]) -> None:
        for entry in self._entries:
            self.digest.update(entry.body + b"\n")
        size = self._log.size + len(self._entries)
        self._scribe.heads.update({cursor_name(service): size for service in _DECIDERS})
        self._log.append(self._entries, self._scribe.heads, snapshots)
        self._entries = []


_DECIDERS: Final = (Service.MATCHING, Service.SETTLEMENT)


def simulate(
    scenario: Scenario,
    seed: int,
    out: Path,
    progress: Callable[[int], None],
    beside: Path = Path(),
) -> dict[str, Any]:
    """Return run.json. `progress` is told the per mille of virtual time; paths in the scenario are
    told from `beside`. Raises UsageError.
    """
    if (out / FILE_NAME).exists():
        raise UsageError(f"{out} holds a market already; choose another folder or remove it")
    try:
        traces = read_traces(scenario, beside)
        kernel = build(scenario, Chance(seed), strategies(), traces=traces)
    except ScenarioError as error:
        raise UsageError(f"the scenario does not fit: {error}") from error
    log = EmbeddedLog(out)
    writer, tables, metrics = _Writer(log), Tables(out, kernel), Metrics()
    lasts_ms = scenario.end_ms - scenario.start_ms
    for cascade in kernel.run(scenario.end_ms):
        writer.take(cascade)
        tables.take(cascade)
        metrics.take(cascade)
        progress((kernel.now_ms - scenario.start_ms) * 1000 // lasts_ms)
    writer.end(kernel.stage.venue)
    log.close()
    _sign(out)
    figures = metrics.figures(kernel.values)
    tables.end(figures)
    about = _about(scenario, seed, writer.digest.hexdigest(), figures)
    write_whole(out / ABOUT, json.dumps(about, indent=1, ensure_ascii=False).encode(), mode=0o644)
    write_whole(out / "report.html", report(RunFolder(out, about)).encode(), mode=0o644)
    return about


def _about(scenario: Scenario, seed: int, digest: str, figures: dict[str, float]) -> dict[str, Any]:
    config = msgspec.to_builtins(scenario)
    canonical = msgspec.json.encode(config, order="sorted")
    return {
        "title": scenario.title,
        "config": config,
        "config_sha256": hashlib.sha256(canonical).hexdigest(),
        "seed": seed,
        "versions": {
            "databourse": __version__,
            "rules": RULES_VERSION,
            "python": platform.python_version(),
        },
        "events_sha256": digest,
        "metrics": figures,
    }


def _sign(folder: Path) -> None:
    """Integrate the log into the audit tree and sign its head."""
    reader = EmbeddedReader(folder)
    store = AuditStore(folder, folder_shelf(folder), reader)
    try:
        store.integrate()
        store.publish()
    finally:
        store.close()
        reader.close()
