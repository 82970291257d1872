"""Who speaks for a supplier: the token's party over the network, or one of a folder opened here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from schemas.ids import make_id
from schemas.parties import FIRST_PARTIES, PartyKind, Role
from services.client.connection import Connection, Refused
from services.commands.options import data_folder
from services.commands.targets import over_network
from streams.embedded import FILE_NAME as LOG_NAME

if TYPE_CHECKING:
    from services.client.here import Here

OPERATOR_ID: Final = FIRST_PARTIES[Role.OPERATOR][0]
OWN_KEY: Final = "catalog-import"
OWN_SUPPLIER_ID: Final = make_id("pty", OPERATOR_ID, "/v1/parties", OWN_KEY)
_OWN_SUPPLIER: Final = {
    "name": "Imported catalogues 导入目录",
    "kind": PartyKind.PUBLIC_SERVICE.value,
    "roles": [Role.SUPPLIER.value],
}
_PROOF: Final = {"method": "own party of the venue", "evidence": "catalog import"}
Supplier = Annotated[
    str, typer.Option("--supplier", help="Whose listings; a party of its own if not given.")
]


class Speaker(NamedTuple):
    """`connection` is None where there is no market yet to look at."""

    connection: Connection | None
    supplier_id: str


@contextmanager
def supplier(
    data: Path | None, url: str, token: str, supplier_id: str, *, dry_run: bool
) -> Iterator[Speaker]:
    """Yield a connection that speaks as the supplier. In a data folder one is registered when
    none is named; a dry run makes neither folder nor party.
    """
    from services.client.here import open_here  # the web stack: not for --help

    folder = data_folder(data)
    if url and data is None:
        with over_network(url, token) as connection:
            yield Speaker(connection, supplier_id or _own_id(connection))
    elif not dry_run:
        with open_here(folder) as here:
            named = supplier_id or own_supplier(here)
            with here.party(named, Role.SUPPLIER) as connection:
                yield Speaker(connection, named)
    elif (folder / LOG_NAME).exists():
        with open_here(folder) as here:
            yield Speaker(here.operator, supplier_id or OWN_SUPPLIER_ID)
    else:
        yield Speaker(None, supplier_id or OWN_SUPPLIER_ID)


def own_supplier(here: "Here") -> str:
    """Return the party that owns what no supplier was named for, registered on first use."""
    path = f"/v1/parties/{OWN_SUPPLIER_ID}"
    try:
        party: dict[str, Any] = here.operator.get(path)
    except Refused as error:
        if error.status != 404:
            raise
        party = here.operator.post("/v1/parties", _OWN_SUPPLIER, key=OWN_KEY)
    if party["status"] == "registered":
        here.operator.post(f"{path}/verification", _PROOF, key=f"{OWN_KEY}-verification")
        here.operator.post(f"{path}/approval", key=f"{OWN_KEY}-approval")
    return OWN_SUPPLIER_ID


def _own_id(connection: Connection) -> str:
    """Return the party whose token this is."""
    return str(connection.get("/v1/me")["party"]["id"])
