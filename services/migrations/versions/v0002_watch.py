"""What the watch says: the data index, statistics and alerts."""

from typing import Any, Final

from alembic import op
from sqlalchemy import JSON, Boolean, Column

from services.columns import TEXT, WIDE
from services.migrations import READ_MODELS
from services.migrations.steps import changes

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    if changes(READ_MODELS):
        _of_window(
            "index_points",
            Column("level", TEXT, nullable=False, index=True),
            Column("key", TEXT, nullable=False, index=True),
            Column("currency", TEXT, nullable=False),
            *_counts("value_e6", "base_ms", "linked_ms", "basket", "priced"),
        )
        _of_window(
            "market_statistics",
            *_counts("free", "metered", "auctioned", "licences", "bids", "refused"),
            *_counts("buyers", "suppliers", "bidders", "data_sets"),
            Column("volume", JSON, nullable=False),
            Column("capped", Boolean, nullable=False),
        )
        _of_window(
            "use_statistics",
            *_counts("buyers", "grants", "uses", "refused"),
            Column("charged", JSON, nullable=False),
            Column("withheld", Boolean, nullable=False),
            Column("capped", Boolean, nullable=False),
        )
        _of_window(
            "alerts",
            Column("rule", TEXT, nullable=False, index=True),
            *_counts("score"),
            Column("subjects", JSON, nullable=False),
            Column("about", TEXT, nullable=False),
            Column("evidence", JSON, nullable=False),
            *_counts("measured", "usual"),
        )


def _counts(*names: str) -> list[Column[Any]]:
    return [Column(name, WIDE, nullable=False) for name in names]


def _of_window(table: str, *columns: Column[Any]) -> None:
    op.create_table(
        table,
        Column("position", WIDE, nullable=False, index=True),
        Column("id", TEXT, primary_key=True),
        Column("start_ms", WIDE, nullable=False),
        Column("end_ms", WIDE, nullable=False, index=True),
        *columns,
    )
