"""Where a market under test is: in a data folder, or in a venue of a cluster."""

from pathlib import Path
from typing import Protocol

import pytest

from services.audit.shelf import Shelf, read_folder_shelf
from streams.embedded import EmbeddedReader
from streams.log import LogReader
from tests.builders.exchange import Exchange
from tests.builders.server import Running, Server

# For tests that look into the process, or change it, where a cluster's are out of reach.
embedded_only = pytest.mark.parametrize("place", ["embedded"], indirect=True)


class Place(Protocol):
    """A market may be opened there again and again, one at a time."""

    folder: Path  # of the first tokens

    def market(self, *, private_webhooks: bool = False) -> Exchange: ...

    def server(self, *more: str) -> Running:
        """Return the market at work in processes of its own; `more` are options of `serve`."""

    def log(self) -> LogReader:
        """Open the log for reading; the caller closes it."""

    def shelf(self) -> Shelf:
        """Open what is signed; the caller closes it."""


class Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def market(self, *, private_webhooks: bool = False) -> Exchange:
        return Exchange(self.folder, private_webhooks=private_webhooks)

    def server(self, *more: str) -> Server:
        return Server(self.folder, "-m", "services.cli", "serve", *more)

    def log(self) -> LogReader:
        return EmbeddedReader(self.folder)

    def shelf(self) -> Shelf:
        return read_folder_shelf(self.folder)
