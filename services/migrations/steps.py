"""What revisions are written with."""

from alembic import op

from services.migrations import PARTS


def changes(part: str) -> bool:
    """Whether the database that is being migrated has this part."""
    assert part in PARTS, f"{part!r} is none of {PARTS}"
    return part in op.get_context().opts["parts"]


def forget_read_models(*tables: str) -> None:
    """Empty the tables, and set the projector back to the beginning of the log."""
    for table in (*tables, "projection"):
        op.execute(f"DELETE FROM {table}")
