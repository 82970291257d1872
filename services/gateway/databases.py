"""Where the gateway keeps what it keeps: read models, and what concerns the edge alone."""

from pathlib import Path
from typing import Final, NamedTuple

from services import migrations
from services.gateway.edge_upgrades import UPGRADES
from services.stores.base import Database
from services.stores.postgres import PostgresSchema
from services.stores.sqlite import SqliteFile

READ_MODELS_NAME: Final = "read-models.sqlite3"
READ_MODELS_BEFORE: Final = "read-models-*.sqlite3*"  # of the time before there were revisions
READ_MODELS_MEND: Final = "stop the market and run `databourse rebuild`"
EDGE_NAME: Final = "edge.sqlite3"
EDGE_MEND: Final = "restore it from a backup, or delete it: all tokens then have to be issued again"


class Databases(NamedTuple):
    """Two files in a data folder, or twice the same schema in PostgreSQL."""

    reads: Database
    edge: Database

    async def leave(self) -> None:
        for database in set(self):
            await database.leave()

    def close(self) -> None:
        for database in set(self):
            database.close()


def in_folder(folder: Path) -> Databases:
    """Raises StoreError, as does all that opens a database here."""
    reads = read_models_in(folder)
    try:
        return Databases(reads, edge_in(folder))
    except BaseException:
        reads.close()
        raise


def read_models_in(folder: Path) -> Database:
    """Those of the time before there were revisions are deleted: they are made again."""
    for path in folder.glob(READ_MODELS_BEFORE):
        path.unlink()
    return SqliteFile(folder / READ_MODELS_NAME, migrations.READ_MODELS, READ_MODELS_MEND)


def edge_in(folder: Path) -> Database:
    path = folder / EDGE_NAME
    return SqliteFile(path, migrations.EDGE, EDGE_MEND, kept=True, older=UPGRADES)


def in_postgres(url: str, venue: str) -> Databases:
    """`url` is postgresql://USER@HOST:PORT/NAME; the venue is a schema there."""
    schema = PostgresSchema(url, venue)
    return Databases(schema, schema)
