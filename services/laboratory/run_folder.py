"""What a finished run left in its folder.

run.json has title, config, config_sha256, seed, versions, events_sha256 and metrics (numbers by
name). Beside it are tables, all times in epoch milliseconds and all amounts in minor units:

    bids     at_ms auction_id bidder_id max_price_minor outcome ("placed" or why it was refused)
             and ground truth: value_minor strategy role ("", "shill", "ring")
    trades   at_ms mode (a format, or "free", "metered") supplier buyer price_minor quantity
             and of auctions deal_id value_minor strategy, which are the winner's
    usage    at_ms grant_id supplier buyer quantity charge_minor
    ledger   at_ms kind cause_id account amount_minor

The price of a metered trade is what was prepaid; what was paid is in usage.
They may have more columns; a table without rows may be missing.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from services.commands import UsageError

ABOUT: Final = "run.json"
Record = dict[str, Any]


class RunFolder(NamedTuple):
    """`about` is run.json: config, seed, versions, digest, metrics."""

    path: Path
    about: dict[str, Any]

    def table(self, name: str) -> list[Record]:
        """Return the rows of one of its Parquet tables; none when it has no such table."""
        path = self.path / f"{name}.parquet"
        if not path.exists():
            return []
        rows: list[Record] = pq.read_table(path).to_pylist()
        return rows


def open_run(path: Path) -> RunFolder:
    """Raises UsageError when there is no finished run."""
    try:
        return RunFolder(path, json.loads((path / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(f"no finished run in {path}: {error}; make one by sim run") from error
