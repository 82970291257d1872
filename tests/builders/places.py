"""Where a market under test is: in a data folder, or in a venue of a cluster."""

from pathlib import Path
from typing import Any, Protocol

import pytest

from services.audit.shelf import Shelf, read_folder_shelf
from streams.embedded import EmbeddedReader
from streams.log import LogReader
from tests.builders.exchange import Exchange, Remote
from tests.builders.server import ROOT, Running, Server

SILENT = str(ROOT / "tests" / "e2e" / "silent_server.py")
EMBEDDED = "embedded"
# On a cluster everything takes longer, and one worker has it for all of the tests that need it.
KAFKA = pytest.param("kafka", marks=(pytest.mark.long, pytest.mark.xdist_group("kafka")))
ON_BOTH = (EMBEDDED, KAFKA)


def only(kind: Any, place: str = "place") -> pytest.MarkDecorator:
    """For a test of what the other log does not have."""
    return pytest.mark.parametrize(place, [kind], indirect=True)


class Place(Protocol):
    """A market may be opened there again and again, one at a time."""

    folder: Path  # of the first tokens

    def market(self, *, private_webhooks: bool = False) -> Exchange: ...

    def server(self, *more: str) -> Running:
        """Return the market at work in processes of its own; `more` are options of `serve`."""

    def silent(self) -> Running:
        """Return one that commits and never answers."""

    def log(self) -> LogReader:
        """Open the log for reading; the caller closes it."""

    def shelf(self) -> Shelf:
        """Open what is signed; the caller closes it."""

    def options(self, *command: str) -> list[str] | None:
        """Return the options by which a reading command finds the market; None when it cannot."""

    def printed(self) -> str:
        """Return all that its processes ever wrote on their standard errors."""


class Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def market(self, *, private_webhooks: bool = False) -> Exchange:
        return Exchange(self.folder, private_webhooks=private_webhooks)

    def server(self, *more: str) -> Server:
        return Server(self.folder, "-m", "services.cli", "serve", *more)

    def silent(self) -> Server:
        return Server(self.folder, SILENT)

    def log(self) -> LogReader:
        return EmbeddedReader(self.folder)

    def shelf(self) -> Shelf:
        return read_folder_shelf(self.folder)

    def options(self, *command: str) -> list[str] | None:
        return ["--data", str(self.folder)]

    def printed(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.stderr").read_text()


def place_of(where: Path | Place) -> Place:
    return Folder(where) if isinstance(where, Path) else where


def remote(place: Place, *more: str) -> Remote:
    """Open a market behind the network, wherever it is."""
    return Remote(place.server(*more), place.folder, place.log)
