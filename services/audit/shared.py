"""Tiles, checkpoints and public key in PostgreSQL, in the venue's schema, beside its log."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

from services.audit.shelf import Shelf
from services.database import StoreError
from streams.postgres import Session, making

_SCHEMA: Final[tuple[LiteralString, ...]] = (
    "CREATE TABLE IF NOT EXISTS tiles (level smallint, number bigint, hashes bytea NOT NULL, "
    "PRIMARY KEY (level, number))",
    "CREATE TABLE IF NOT EXISTS checkpoints (size bigint PRIMARY KEY, note bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS verifiers (venue text PRIMARY KEY, verifier text NOT NULL)",
)


class PostgresShelf(Shelf):
    """`create` makes its tables."""

    def __init__(self, url: str, venue: str) -> None:
        self._session = Session(url, venue)

    def verifier(self) -> str | None:
        rows = self._rows("SELECT verifier FROM verifiers WHERE venue = ?", (self._session.venue,))
        return str(rows[0][0]) if rows else None

    def keep_verifier(self, verifier: str) -> None:
        venue = self._session.venue
        query: Final = "INSERT INTO verifiers VALUES (?, ?) ON CONFLICT (venue) DO NOTHING"
        self._write(query, [(venue, verifier)])
        if self.verifier() != verifier:
            raise StoreError(
                f"the checkpoints of {venue} are signed with another key than this process has: "
                "give the data folder with that key"
            )

    def close(self) -> None:
        self._session.close()

    def _rows(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._session.rows(query.replace("?", "%s"), parameters)

    def _write(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        self._session.write(query.replace("?", "%s"), rows)


def create(url: str, venue: str) -> None:
    """Make the tables of a `PostgresShelf` where they are not there yet."""
    with making(url, venue) as db:
        for table in _SCHEMA:
            db.execute(table)
