"""Carry right entries into a market as draft listings; the same import again changes nothing."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from schemas.catalogue import CatalogueEntry
from schemas.ids import make_id
from services.client.connection import Connection, Refused
from services.commands import UsageError
from services.dcat.mapping import entry_of
from services.dcat.reading import CatalogueFileError, Entry, read_entries
from services.progress import progress

LISTINGS: Final = "/v1/listings"
_GRANT_TERMS: Final = {"policy": {"permissions": [{"action": "use"}]}}


class Fate(StrEnum):
    """What an entry becomes in the market, or is there already."""

    NEW = "new"
    AMENDED = "amended"
    UNCHANGED = "unchanged"


class Rejected(msgspec.Struct, frozen=True):
    """`index` and `identifier` are None when it is the file as a whole."""

    index: int | None
    identifier: str | None
    reason: str


class Report(NamedTuple):
    file: str
    fates: list[Fate]
    rejected: list[Rejected]
    readable: bool = True


class Importer:
    """Acts as `supplier_id` over a connection of that party; without one it only checks the
    files, and with `dry_run` it sends no command.
    """

    def __init__(
        self, connection: Connection | None, supplier_id: str, *, dry_run: bool = False
    ) -> None:
        self._connection = connection
        self._supplier_id = supplier_id
        self._dry_run = dry_run
        self.stopped: UsageError | None = None

    def run(self, path: Path, *, quiet: bool = True) -> Report:
        """Import a file, and tell how far it is unless `quiet`. When the market is no longer
        reached, `stopped` says so and every entry that was not carried over is among the rejected.
        """
        try:
            entries = read_entries(path)
        except CatalogueFileError as error:
            return Report(str(path), [], [Rejected(None, None, str(error))], readable=False)
        fates: list[Fate] = []
        rejected: list[Rejected] = []
        with progress(str(path), len(entries), quiet=quiet) as tell:
            for entry in entries:
                result = self._take(entry)
                if isinstance(result, Fate):
                    fates.append(result)
                else:
                    rejected.append(Rejected(entry.index, entry.identifier, result))
                tell(entry.index + 1)
        return Report(str(path), fates, rejected)

    def _take(self, entry: Entry) -> Fate | str:
        if entry.faults:
            return "; ".join(entry.faults)
        if self.stopped is not None:
            return f"not carried over: {self.stopped}"
        try:
            return self._carry_over(entry_of(entry.data_set))
        except Refused as error:
            return f"refused by the market: {error}"
        except UsageError as error:
            self.stopped = error
            return f"not carried over: {error}"

    def _carry_over(self, entry: CatalogueEntry) -> Fate | str:
        listing_id = listing_id_of(self._supplier_id, entry.identifier)
        key = key_of(entry.identifier)
        known = self._known(listing_id)
        if known is None:
            self._post(LISTINGS, entry, _terms(entry), key)
            return Fate.NEW
        if msgspec.convert(known["entry"], CatalogueEntry) == entry:
            return Fate.UNCHANGED
        if known["status"] != "draft":
            return f"the listing {listing_id} is {known['status']}; only a draft is amended here"
        kept = {name: known[name] for name in ("offer", "grant_terms", "expires_at_ms")}
        self._post(f"{LISTINGS}/{listing_id}/amendment", entry, kept, f"{key}-{known['position']}")
        return Fate.AMENDED

    def _known(self, listing_id: str) -> dict[str, Any] | None:
        if self._connection is None:
            return None
        try:
            row: dict[str, Any] = self._connection.get(f"{LISTINGS}/{listing_id}")
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return row

    def _post(self, path: str, entry: CatalogueEntry, terms: dict[str, Any], key: str) -> None:
        if self._connection is not None and not self._dry_run:
            self._connection.post(path, {"entry": msgspec.to_builtins(entry), **terms}, key=key)


def _terms(entry: CatalogueEntry) -> dict[str, Any]:
    """Free use; under the condition that the entry states, if it states one."""
    condition = entry.open_condition or entry.share_condition
    offer = {"mode": "free", **({"condition": condition} if condition else {})}
    return {"offer": offer, "grant_terms": _GRANT_TERMS}


def listing_id_of(supplier_id: str, identifier: str) -> str:
    """Return the id that the listing of this entry always has: the gateway's own for its key."""
    return make_id("lst", supplier_id, LISTINGS, key_of(identifier))


def key_of(identifier: str) -> str:
    return f"dcat-{hashlib.sha256(identifier.encode()).hexdigest()[:40]}"


def as_json(reports: Sequence[Report]) -> list[dict[str, Any]]:
    return [
        {
            "file": report.file,
            "imported": len(report.fates),
            "rejected": [msgspec.to_builtins(rejected) for rejected in report.rejected],
        }
        for report in reports
    ]
