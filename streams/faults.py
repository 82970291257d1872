"""What a database's errors mean for whoever runs the market, and what to do about them."""

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
_POSTGRES: Final = (  # by the beginning of PostgreSQL's error code
    ("53100", "free some disk space there, then restart"),
    ("53300", "it has too many connections: raise max_connections, or run fewer processes"),
    ("28", "look at user and password of the address"),
    ("3D000", "make that database first"),
    ("42501", "give that user the right to it"),
    ("42P01", "run `databourse migrate`"),
    ("57P", "it is stopping or starting: go on when it runs again"),
    ("25P03", "this process stood still for too long: restart it"),
    ("XX", "its files are damaged: restore a backup"),
    ("58", "its disk refused: look at its space and health, then restart"),
)
_UNREACHABLE: Final = "look at the address, and whether PostgreSQL runs and takes connections there"


def words(error: BaseException) -> str:
    """Return any error in words, a database's with what to do about it."""
    inner = getattr(error, "orig", error)  # as SQLAlchemy wraps it, with values of rows around it
    if isinstance(inner, DATABASE_FAULTS) or hasattr(inner, "sqlstate"):
        return explain(inner)
    return f"{inner}" or repr(inner)


def explain(error: BaseException) -> str:
    """Return a database's error in words, with what to do where that is known."""
    if isinstance(error, UnicodeDecodeError):
        return "the file holds what no text can hold: it is damaged: run `databourse doctor`"
    if hasattr(error, "sqlstate"):
        return _explain_postgres(error)
    name = getattr(error, "sqlite_errorname", None) or ""
    for beginning, advice in _ADVICE:
        if name.startswith(beginning):
            return f"{error} ({name}): {advice}"
    return str(error)


def _explain_postgres(error: BaseException) -> str:
    """Its first line alone: those below it show values of rows."""
    code = getattr(error, "sqlstate", None)
    said = str(error).strip().partition("\n")[0]
    if code is None:  # it is the client that says so
        return f"{said}: {_UNREACHABLE}"
    for beginning, advice in _POSTGRES:
        if code.startswith(beginning):
            return f"{said} ({code}): {advice}"
    return f"{said} ({code})"
