"""The read models: SQLModel tables, written only by the projector, and at once the response models.

Amounts are minor units, times UTC epoch milliseconds; `position` is where in the log a row last
changed.
"""

from typing import Annotated, Any

from sqlalchemy import JSON, Column, Index
from sqlalchemy.orm import configure_mappers
from sqlmodel import Field, SQLModel

from schemas.access import QualityScores
from schemas.auctions import AuctionTerms
from schemas.catalogue import CatalogueEntry, Content, Delivery, GrantTerms, Offer
from schemas.policy import Policy
from schemas.tariff import Tariff
from services.columns import make_portable
from services.gateway.message_schemas import shown


class Row(SQLModel):
    position: int = Field(index=True)


class PartyRow(Row, table=True):
    """`status` is registered, approved or suspended; `verification` is by which method it was
    verified.
    """

    __tablename__ = "parties"
    id: str = Field(primary_key=True)
    name: str
    kind: str
    roles: list[str] = Field(sa_column=Column(JSON, nullable=False))
    credit_code: str
    controller_id: str | None
    status: str
    verified: bool
    verification: str
    evidence: str
    reason: str
    at_ms: int


class BalanceRow(Row, table=True):
    __tablename__ = "balances"
    account: str = Field(primary_key=True)
    owner_id: str = Field(index=True)
    currency: str
    kind: str
    balance_minor: int


class PostingRow(Row, table=True):
    """One line of a statement. `number` counts the lines of one event."""

    __tablename__ = "postings"
    __table_args__ = (Index("statement", "owner_id", "position", "number"),)
    position: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    account: str
    owner_id: str
    currency: str
    amount_minor: int
    balance_minor: int
    event: str
    cause_id: str
    at_ms: int


class TokenView(Row):
    """A token as it may be shown: never the token itself. `scopes` as in `GET /v1/me`."""

    id: str
    party_id: str
    role: str
    scopes: list[str]
    expires_at_ms: int | None
    revoked: bool
    at_ms: int


class WebhookView(Row):
    """A webhook; `reason` says why it is disabled. Its secret is never shown again."""

    id: str
    party_id: str
    target_url: str
    kinds: list[str]
    status: str
    reason: str
    at_ms: int


class DeliveryView(Row):
    """A message to a webhook: `due_at_ms` is when it is tried next, `answer` what came of the last
    attempt.
    """

    message_id: str
    webhook_id: str
    kind: str
    status: str
    attempts: int
    due_at_ms: int | None
    answer: str
    at_ms: int


class DataSetRow(Row, table=True):
    __tablename__ = "data_sets"
    id: str = Field(primary_key=True)
    supplier_id: str = Field(index=True)
    title: str
    revision: int
    content: Annotated[dict[str, Any], shown(Content)] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    at_ms: int


class RevisionRow(Row, table=True):
    """What one revision of a data set holds. The id is made by `revision_id`."""

    __tablename__ = "revisions"
    id: str = Field(primary_key=True)
    data_set_id: str = Field(index=True)
    revision: int
    content: Annotated[dict[str, Any], shown(Content)] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    at_ms: int


def revision_id(data_set_id: str, revision: int) -> str:
    return f"{data_set_id}/{revision}"


class ListingRow(Row, table=True):
    __tablename__ = "listings"
    id: str = Field(primary_key=True)
    supplier_id: str = Field(index=True)
    data_set_id: str | None
    status: str = Field(index=True)
    mode: str = Field(index=True)
    field: str = Field(index=True)
    title_zh: str
    title_en: str
    entry: Annotated[dict[str, Any], shown(CatalogueEntry)] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    offer: Annotated[dict[str, Any], shown(Offer, "Offer")] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    grant_terms: Annotated[dict[str, Any], shown(GrantTerms)] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    acceptance_sha256: str
    expires_at_ms: int | None
    reason: str
    at_ms: int


class AccessRow(Row, table=True):
    """A request for free use. `status` is its stage while it is open, `waits_for` who acts in it;
    `steps` are what has happened.
    """

    __tablename__ = "access_requests"
    id: str = Field(primary_key=True)
    listing_id: str = Field(index=True)
    supplier_id: str = Field(index=True)
    buyer_id: str = Field(index=True)
    conditional: bool
    status: str = Field(index=True)
    waits_for: str | None
    due_ms: int | None
    overdue_since_ms: int | None = Field(index=True)
    challenge_until_ms: int | None
    trade_id: str | None
    grant_id: str | None
    purpose: str
    accepted_sha256: str
    reason: str
    scores: Annotated[dict[str, int] | None, shown(QualityScores, nullable=True)] = Field(
        sa_column=Column(JSON)
    )
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    at_ms: int


class CalendarRow(Row, table=True):
    """The venue's one calendar."""

    __tablename__ = "calendar"
    id: str = Field(primary_key=True)
    name: str
    source: str
    first_day: str
    last_day: str
    holidays: list[str] = Field(sa_column=Column(JSON, nullable=False))
    workdays: list[str] = Field(sa_column=Column(JSON, nullable=False))


CALENDAR_ID = "calendar"


class AuctionFields(Row):
    """What everyone may see of an auction.

    A hidden reserve shows only as met or not met, and in a sealed auction, where every price stays
    at the start price, not even that before the end (None). `price_minor` is for one licence.
    `winner_id` names a sole winner; `awards` counts the winners, `licences_sold` what they have.
    """

    id: str = Field(primary_key=True)
    listing_id: str = Field(index=True)
    supplier_id: str
    format: str
    sealed: bool
    status: str = Field(index=True)
    currency: str
    price_minor: int
    start_price_minor: int
    reserve_price_minor: int | None
    reserve_met: bool | None
    licences: int
    licences_sold: int
    awards: int
    bid_count: int
    extensions: int
    starts_at_ms: int
    ends_at_ms: int
    terms: Annotated[dict[str, Any], shown(AuctionTerms, "AuctionTerms")] = Field(
        sa_column=Column(JSON, nullable=False)
    )
    winner_id: str | None
    reason: str
    follows: str | None
    relisted_as: str | None


class AuctionRow(AuctionFields, table=True):
    """`status` is open from the beginning; before the start it is shown as scheduled."""

    __tablename__ = "auctions"


class AuctionView(AuctionFields):
    """An auction at the time of asking; `clock_price_minor` is a Dutch auction's price then."""

    clock_price_minor: int | None = None


class AuctionSecretRow(SQLModel, table=True):
    """What only the projector may see while the auction runs."""

    __tablename__ = "auction_secrets"
    id: str = Field(primary_key=True)
    reserve_price_minor: int


class BidRow(Row, table=True):
    """A bid as its bidder sees it; others see `PublicBid`."""

    __tablename__ = "bids"
    __table_args__ = (Index("auction_bids", "auction_id", "at_ms"),)
    id: str = Field(primary_key=True)
    auction_id: str
    bidder_id: str = Field(index=True)
    status: str
    max_price_minor: int
    further_minor: list[int] = Field(sa_column=Column(JSON, nullable=False))
    price_minor: int | None
    licences_won: int
    currency: str
    reason: str
    at_ms: int


class PublicBid(SQLModel):
    """A bid as everyone sees it: the bidder under an alias that holds in this auction only."""

    bidder: str
    price_minor: int
    at_ms: int


class TradeRow(Row, table=True):
    __tablename__ = "trades"
    id: str = Field(primary_key=True)
    mode: str = Field(index=True)
    listing_id: str = Field(index=True)
    supplier_id: str = Field(index=True)
    buyer_id: str = Field(index=True)
    deal_id: str
    request_id: str
    grant_id: str
    currency: str | None
    price_minor: int
    quantity: int
    settled: bool
    at_ms: int


class GrantRow(Row, table=True):
    __tablename__ = "grants"
    id: str = Field(primary_key=True)
    trade_id: str
    listing_id: str = Field(index=True)
    data_set_id: str
    content_sha256: str
    revision: int
    follows_revisions: bool
    accepted_sha256: str
    supplier_id: str = Field(index=True)
    buyer_id: str = Field(index=True)
    status: str = Field(index=True)
    reason: str
    policy: Annotated[dict[str, Any], shown(Policy)] = Field(sa_column=Column(JSON, nullable=False))
    tariff: Annotated[dict[str, Any] | None, shown(Tariff, nullable=True)] = Field(
        sa_column=Column(JSON)
    )
    currency: str | None
    licences: int
    used: int
    charged_minor: int
    fees_minor: int
    prepaid_minor: int
    refunded_minor: int
    status_index: int = Field(index=True)
    expires_at_ms: int | None
    purpose: str
    at_ms: int


class UsageRow(Row, table=True):
    __tablename__ = "usage"
    id: str = Field(primary_key=True)
    grant_id: str = Field(index=True)
    buyer_id: str = Field(index=True)
    status: str
    quantity: int
    used_total: int
    charge_minor: int
    fee_minor: int
    reason: str
    delivery: Annotated[dict[str, Any] | None, shown(Delivery, nullable=True)] = Field(
        sa_column=Column(JSON)
    )
    at_ms: int


class CommandStatus(Row):
    """What became of a command, as its sender sees it."""

    id: str = Field(primary_key=True)
    type: str
    status: str
    reason: str
    at_ms: int


class CommandRow(CommandStatus, table=True):
    """`digest` tells a command's content from another's under the same id; it is shown to nobody,
    since the content of a sealed bid could be guessed from it.
    """

    __tablename__ = "commands"
    digest: str


class CounterRow(SQLModel, table=True):
    """How many of something the projector has numbered."""

    __tablename__ = "counters"
    name: str = Field(primary_key=True)
    value: int


class ProjectionRow(SQLModel, table=True):
    """The projector's place in the log: everything below it is in the tables."""

    __tablename__ = "projection"
    name: str = Field(primary_key=True)
    position: int


make_portable(SQLModel.metadata)
configure_mappers()  # rows are also made beside the mapper, which then has to be ready
