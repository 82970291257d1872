"""The codes of the interface that pages show in words, all of which both languages have."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, get_args

from schemas import events as e
from schemas.access import AccessStage
from schemas.auctions import AuctionTerms
from schemas.catalogue import ColumnType, Field, UpdateCycle
from schemas.events import AlertRule, IndexLevel
from schemas.parties import PartyKind, Role
from schemas.postings import TransferKind
from schemas.reasons import BidEnding, Refusal, Unsold
from schemas.tariff import Unit

_ENUMS: Final[tuple[type[StrEnum], ...]] = (
    Role,
    PartyKind,
    Field,
    UpdateCycle,
    ColumnType,
    Unit,
    AccessStage,
    AlertRule,
    IndexLevel,
    Refusal,
    Unsold,
    BidEnding,
    TransferKind,
)
_STATES: Final = (
    *("draft", "under_review", "listed", "suspended", "withdrawn", "expired"),
    *("scheduled", "open", "sold", "unsold", "cancelled"),
    *("reserved", "placed", "leading", "outbid", "superseded", "won", "lost", "rejected"),
    *("active", "exhausted", "revoked", "recorded", "refused", "granted", "closed"),
    *("registered", "approved", "free", "metered", "auction"),
    *("available", "held", "prepaid", "fees", "proceeds", "treasury"),
    *("data_set", "listing", "trade", "grant", "use"),
)
_OF_PAGES: Final = (
    *("not_found", "method_not_allowed", "internal_error", "invalid_request", "role_not_allowed"),
    *("scope_missing", "token_invalid", "token_missing", "overloaded", "storage_unavailable"),
    *("log_unavailable", "under_way", "still_running", "too_many_calls", "content_invalid"),
    *("content_too_large", "body_too_large", "not_published", "form_not_ours", "form_too_slow"),
    *("amount_invalid", "number_invalid", "time_invalid", "currency_unknown", "file_missing"),
    *("media_type_not_taken", "idempotency_key_reused", "idempotency_key_missing", "not_ready"),
    "grant_revoked",
)
_BOOKED: Final = (e.TransferPosted, e.FundsReserved, e.FundsReleased, e.UsageCharged)


def codes() -> Iterator[str]:
    yield from (member.value for kind in _ENUMS for member in kind)
    yield from (terms.__struct_config__.tag for terms in get_args(AuctionTerms))
    yield from (kind.__name__ for kind in _BOOKED)
    yield from (*_STATES, *_OF_PAGES)
