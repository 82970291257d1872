"""What a listing needs and a recorded or drawn market does not tell."""

from typing import Final

from schemas.catalogue import CatalogueEntry, Column, ColumnType, Content, Field, UpdateCycle
from schemas.ids import make_id

SUPPLIER: Final = make_id("pty", "replay", "supplier")
CONTENT: Final = Content(
    sha256="0" * 64,
    media_type="text/csv",
    size_bytes=1,
    row_count=0,
    columns=(Column(name="recorded", type=ColumnType.TEXT),),
)


def entry(title: str) -> CatalogueEntry:
    return CatalogueEntry(
        title_zh=title,
        title_en=title,
        abstract_zh="",
        abstract_en="",
        field=Field.STATISTICS,
        update_cycle=UpdateCycle.OTHER,
        provider_name="replay",
        licence="as recorded",
    )
