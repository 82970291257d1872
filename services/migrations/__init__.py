"""One history of the edge's tables, for SQLite and PostgreSQL alike (`versions`).

It has two parts, since SQLite keeps them in two files: what can be made again from the log, and
what cannot. A revision that changes what the read models hold begins with `forget_read_models()`,
and the projector makes them again.
"""

import threading
from collections.abc import Collection
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from services.database import StoreError

FIRST: Final = "0001"
NEWEST: Final = "0002"
READ_MODELS: Final = "read models"
EDGE: Final = "edge"
PARTS: Final = (READ_MODELS, EDGE)
SCRIPTS: Final = Path(__file__).parent
_ONE_AT_A_TIME: Final = threading.Lock()  # Alembic keeps what it is doing in globals


def migrate(db: Connection, parts: Collection[str] = PARTS) -> None:
    """Bring these parts to the newest revision, inside the caller's transaction, beside which no
    other process may be migrating. Edge tables without a revision are those of the first.

    Raises StoreError when a newer databourse has been here.
    """
    at = _revision(db)
    if at == NEWEST:
        return
    # Imported where it is used: hardly a start needs it, and it takes a third of a second.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes.update(connection=db, parts=frozenset(parts))
    with _ONE_AT_A_TIME:
        if at is None and EDGE in parts and inspect(db).has_table("tokens"):
            command.stamp(config, FIRST)
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the tables were written by a newer databourse (revision {at}, this one knows up "
                f"to {NEWEST}); update databourse, nothing was changed"
            ) from error


def _revision(db: Connection) -> str | None:
    if not inspect(db).has_table("alembic_version"):
        return None
    found: str | None = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
