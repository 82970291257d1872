"""What is traded: data sets with their content, catalogue entries, and the offer made of them.

The catalogue entry has the fourteen core elements of the regional catalogue guide
(分类 名称 代码 提供方 ...); those only a government department has may stay empty.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from schemas.base import Amount, Fact, Name, Quantity, Sha256, Text
from schemas.money import Currency
from schemas.policy import Policy
from schemas.tariff import Tariff

COLUMNS_MAX = 500
SAMPLE_ROWS_MAX = 5
KEYWORDS_MAX = 200
FORMATS_MAX = 50

Abstract = Annotated[str, Meta(max_length=10_000)]


class Field(StrEnum):
    """The twenty fields (所属领域) of the 2016 action plan."""

    CREDIT = "credit"
    TRANSPORT = "transport"
    MEDICAL_CARE = "medical_care"
    HEALTH = "health"
    EMPLOYMENT = "employment"
    SOCIAL_SECURITY = "social_security"
    GEOGRAPHY = "geography"
    CULTURE = "culture"
    EDUCATION = "education"
    TECHNOLOGY = "technology"
    RESOURCES = "resources"
    AGRICULTURE = "agriculture"
    ENVIRONMENT = "environment"
    WORK_SAFETY = "work_safety"
    FINANCE = "finance"
    QUALITY_SUPERVISION = "quality_supervision"
    STATISTICS = "statistics"
    METEOROLOGY = "meteorology"
    OCEAN = "ocean"
    ENTERPRISE_REGISTRATION = "enterprise_registration"


class UpdateCycle(StrEnum):
    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    OTHER = "other"


class ColumnType(StrEnum):
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"


class Column(Fact):
    """One information item (信息项)."""

    name: Name
    type: ColumnType
    nullable: bool = False


class Content(Fact):
    """Stored content: the SHA-256 of its bytes, and what is in them. `sample` holds rows of cell
    texts.
    """

    sha256: Sha256
    media_type: Name
    size_bytes: Quantity
    row_count: Annotated[int, Meta(ge=0)]
    columns: Annotated[tuple[Column, ...], Meta(min_length=1, max_length=COLUMNS_MAX)]
    sample: Annotated[tuple[tuple[str, ...], ...], Meta(max_length=SAMPLE_ROWS_MAX)] = ()


class Delivery(Fact):
    """What a use delivers: rows of a revision of the data set, or without `limit` the whole
    file.
    """

    revision: Quantity
    content_sha256: Sha256
    offset: Amount = 0
    limit: Quantity | None = None


class CatalogueEntry(Fact):
    """How a listing describes itself; titles and abstracts in Chinese and English.

    `identifier` is the supplier's own, as in the catalogue the entry came from; `formats` are told
    of content that is not stored here.
    """

    title_zh: Name
    title_en: Name
    abstract_zh: Abstract
    abstract_en: Abstract
    field: Field
    update_cycle: UpdateCycle
    provider_name: Name
    licence: Name
    provider_code: Annotated[str, Meta(max_length=18)] = ""
    resource_code: Annotated[str, Meta(max_length=27)] = ""
    classification: Annotated[str, Meta(max_length=40)] = ""
    share_condition: Text = ""
    open_to_public: bool = False
    open_condition: Text = ""
    published_on: Annotated[str, Meta(max_length=10)] = ""
    related_codes: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    source: Text = ""
    identifier: Annotated[str, Meta(max_length=1_000)] = ""
    keywords: Annotated[tuple[Name, ...], Meta(max_length=KEYWORDS_MAX)] = ()
    formats: Annotated[tuple[Name, ...], Meta(max_length=FORMATS_MAX)] = ()
    modified_on: Annotated[str, Meta(max_length=100)] = ""
    contact_name: Annotated[str, Meta(max_length=200)] = ""
    contact_email: Annotated[str, Meta(max_length=200)] = ""


class FreeOffer(Fact, tag_field="mode", tag="free"):
    """Shared with whoever asks: unconditionally, or under a `condition` that is checked first."""

    condition: Text = ""


class MeteredOffer(Fact, tag_field="mode", tag="metered"):
    tariff: Tariff


class AuctionOffer(Fact, tag_field="mode", tag="auction"):
    currency: Currency


Offer = FreeOffer | MeteredOffer | AuctionOffer


class GrantTerms(Fact):
    """What a grant under this listing allows, and for how long after issue (None: without end).

    A grant opens the content as it was traded, or with `follows_revisions` always the newest.
    `acceptance` is a text, such as a licence, that has to be accepted by its SHA-256.
    """

    policy: Policy
    lasts_ms: Quantity | None = None
    follows_revisions: bool = False
    acceptance: Text = ""
