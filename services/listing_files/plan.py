"""From what a listing is to what it shall be: the difference, and the wishes that close it."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from schemas.catalogue import CatalogueEntry, GrantTerms, Offer
from schemas.ids import make_id
from services.client.connection import Connection, Refused
from services.listing_files.reading import DATA_SETS, LISTINGS, Wanted

_PARTS: Final[dict[str, Any]] = {
    "entry": CatalogueEntry,
    "offer": Offer,
    "grant_terms": GrantTerms,
}
_NOTHING: Final = object()


class Change(NamedTuple):
    """`before` is None for what is not there yet, `after` for what shall be there no longer."""

    field: str
    before: Any
    after: Any


class Plan(NamedTuple):
    """`known` and `data_set` are the rows as they are; None when there are none."""

    wanted: Wanted
    listing_id: str
    data_set_id: str
    known: dict[str, Any] | None
    data_set: dict[str, Any] | None

    @property
    def changes(self) -> list[Change]:
        content = self._content_change()
        submitted = self._status_change(amended=bool(self.terms))
        return [*content, *self.terms, *submitted]

    @property
    def terms(self) -> list[Change]:
        """What the listing itself shall say otherwise."""
        before, after = _said(self.known), dict(_flat(_body(self.wanted, self.data_set_id)))
        names = dict.fromkeys([*after, *before])
        return [
            Change(name, before.get(name), after.get(name))
            for name in names
            if before.get(name, _NOTHING) != after.get(name, _NOTHING)
        ]

    def _content_change(self) -> Iterator[Change]:
        before = self.data_set["content"]["sha256"] if self.data_set else None
        if before != self.wanted.sha256:
            yield Change("content.sha256", before, self.wanted.sha256)

    def _status_change(self, *, amended: bool) -> Iterator[Change]:
        before = self.known["status"] if self.known else None
        after = "draft" if amended else before
        if after == "draft" and self.wanted.file.submit:
            after = "under_review"
        if before != after:
            yield Change("status", before, after)


def make_plan(connection: Connection | None, supplier_id: str, wanted: Wanted) -> Plan:
    listing_id = make_id("lst", supplier_id, LISTINGS, wanted.key)
    data_set_id = make_id("dst", supplier_id, DATA_SETS, wanted.key)
    return Plan(
        wanted=wanted,
        listing_id=listing_id,
        data_set_id=data_set_id,
        known=_row(connection, f"{LISTINGS}/{listing_id}"),
        data_set=_row(connection, f"{DATA_SETS}/{data_set_id}"),
    )


def carry_out(connection: Connection, plan: Plan) -> None:
    """Send what closes the difference. Broken off anywhere, a new plan takes up the rest."""
    wanted, known = plan.wanted, plan.known
    _upload(connection, plan)
    if plan.terms:
        body = _body(wanted, plan.data_set_id)
        if known is None:
            connection.post(LISTINGS, body, key=wanted.key)
        else:
            path = f"{LISTINGS}/{plan.listing_id}/amendment"
            connection.post(path, body, key=f"{wanted.key}-{known['position']}")
    if wanted.file.submit:
        _submit(connection, plan)


def _upload(connection: Connection, plan: Plan) -> None:
    wanted, data_set = plan.wanted, plan.data_set
    if data_set is None:
        path, key = DATA_SETS, wanted.key
    elif data_set["content"]["sha256"] != wanted.sha256:
        path = f"{DATA_SETS}/{plan.data_set_id}/revisions"
        key = f"{wanted.key}-{data_set['position']}"
    else:
        return
    query = {"title": wanted.file.title} if data_set is None else None
    connection.upload(path, wanted.content, wanted.media_type, key=key, query=query, wait=True)


def _submit(connection: Connection, plan: Plan) -> None:
    """Submit the listing if it is a draft now, under a key that this state of it alone has."""
    row = connection.get(f"{LISTINGS}/{plan.listing_id}")
    if row["status"] == "draft":
        path = f"{LISTINGS}/{plan.listing_id}/submission"
        connection.post(path, key=f"{plan.wanted.key}-submit-{row['position']}")


def _body(wanted: Wanted, data_set_id: str) -> dict[str, Any]:
    file = wanted.file
    return {
        "data_set_id": data_set_id,
        **{name: msgspec.to_builtins(getattr(file, name)) for name in _PARTS},
        "expires_at_ms": wanted.expires_at_ms,
    }


def _said(row: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a listing says, in the same words as a wish would."""
    if row is None:
        return {}
    parts = {
        name: msgspec.to_builtins(msgspec.convert(row[name], kind)) for name, kind in _PARTS.items()
    }
    whole = {"data_set_id": row["data_set_id"], **parts, "expires_at_ms": row["expires_at_ms"]}
    return dict(_flat(whole))


def _flat(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its place, such as offer.tariff.tiers.0.up_to."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in inner:
        where = f"{place}.{name}" if place else str(name)
        if isinstance(value, dict | list | tuple) and value:
            yield from _flat(value, where)
        elif value is not None:
            yield where, value


def _row(connection: Connection | None, path: str) -> dict[str, Any] | None:
    if connection is None:
        return None
    try:
        row: dict[str, Any] = connection.get(path)
    except Refused as error:
        if error.status == 404:
            return None
        raise
    return row
