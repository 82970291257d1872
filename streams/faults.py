"""What SQLite's errors mean for whoever runs the market, and what to do about them."""

import sqlite3
from typing import Final

# Python cannot read every error that SQLite tells of a damaged file, nor every text in one.
DATABASE_FAULTS: Final = (sqlite3.Error, UnicodeDecodeError)
_ADVICE: Final = (  # by the beginning of SQLite's error name
    ("SQLITE_FULL", "free some disk space, then restart"),
    ("SQLITE_IOERR", "the disk refused: look at its space and health, then restart"),
    ("SQLITE_CORRUPT", "the file is damaged: run `databourse doctor`"),
    ("SQLITE_NOTADB", "the file is damaged: run `databourse doctor`"),
    ("SQLITE_READONLY", "the file cannot be written: look at its owner and mode, then restart"),
    ("SQLITE_CANTOPEN", "the file cannot be opened: look at its folder's owner and mode"),
    ("SQLITE_BUSY", "another process holds the file: stop that one"),
)


def words(error: BaseException) -> str:
    """Return any error in words, SQLite's with what to do about it."""
    inner = getattr(error, "orig", error)  # as SQLAlchemy wraps it, with values of rows around it
    return explain(inner) if isinstance(inner, DATABASE_FAULTS) else f"{inner}" or repr(inner)


def explain(error: sqlite3.Error | UnicodeDecodeError) -> str:
    """Return the error in words, with what to do where that is known."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if isinstance(error, UnicodeDecodeError):
        return "the file holds what no text can hold: it is damaged: run `databourse doctor`"
    for beginning, advice in _ADVICE:
        if name.startswith(beginning):
            return f"{error} ({name}): {advice}"
    return str(error)
