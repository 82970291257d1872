"""The listed part of a market as one DCAT-US catalogue, which the import takes back."""

from collections.abc import Iterator
from typing import Any, Final

from schemas.envelope import iso_time
from services.client.connection import Connection
from services.commands import UsageError
from services.dcat.mapping import CONFORMS_TO, data_set_of

PAGE_ROWS: Final = 500


def catalogue_of(connection: Connection, contact: tuple[str, str]) -> dict[str, Any]:
    """Return everything listed; `contact` (name, address) stands in where an entry has none.

    Raises UsageError when it is needed and not given, since the form asks for one.
    """
    listings = list(_listed(connection))
    silent = [row["id"] for row in listings if not row["entry"].get("contact_email")]
    if silent and "@" not in contact[1]:
        raise UsageError(
            f"{len(silent)} listings, such as {silent[0]}, name no contact, which the form asks "
            "for; say with --contact-email whom to ask"
        )
    return {
        "@context": f"{CONFORMS_TO}/catalog.jsonld",
        "@type": "dcat:Catalog",
        "conformsTo": CONFORMS_TO,
        "describedBy": f"{CONFORMS_TO}/catalog.json",
        "dataset": [data_set_of(row, iso_time(row["at_ms"])[:10], contact) for row in listings],
    }


def _listed(connection: Connection) -> Iterator[dict[str, Any]]:
    after = -1
    while after is not None:
        page = connection.get("/v1/listings", status="listed", limit=PAGE_ROWS, after=after)
        yield from page["items"]
        after = page["next_after"]
