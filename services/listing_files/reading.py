"""A listing file (YAML or JSON): what a listing shall be."""

import hashlib
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from schemas.base import Fact, Name, SchemaError
from schemas.catalogue import CatalogueEntry, GrantTerms, MeteredOffer, Offer
from schemas.tariff import check_tariff
from services.client.files import read_document
from services.client.uploads import media_type_of, read_upload
from services.commands import UsageError
from services.commands.times import read_time

LISTINGS: Final = "/v1/listings"
DATA_SETS: Final = "/v1/data-sets"


class ListingFile(Fact, frozen=True):
    """`name` is the listing's own among its supplier's, and must stay; `content` is a path from
    where the file is; `expires_at` is a time such as 2030-01-31.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")]
    title: Name
    content: Name
    entry: CatalogueEntry
    offer: Offer
    grant_terms: GrantTerms
    expires_at: str = ""
    submit: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """A listing file with its content at hand."""

    path: Path
    file: ListingFile
    content: bytes
    sha256: str
    media_type: str
    expires_at_ms: int | None

    @property
    def key(self) -> str:
        """The key that data set and listing are made under, so their ids follow from the name."""
        return f"apply-{self.file.name}"


def read_listing_file(path: Path) -> Wanted:
    """Raises UsageError that names the file and the field."""
    document = read_document(str(path), "listing file")
    try:
        file = msgspec.convert(document, ListingFile, strict=True)
        if isinstance(file.offer, MeteredOffer):
            check_tariff(file.offer.tariff)
    except (msgspec.ValidationError, SchemaError) as error:
        raise UsageError(f"{path}: {error}") from error
    content_path = path.parent / file.content
    content = read_upload(content_path)
    return Wanted(
        path=path,
        file=file,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type_of(content_path),
        expires_at_ms=read_time(file.expires_at) if file.expires_at else None,
    )
