"""Events of settlement on the topic `grants`: rights and their use."""

from schemas.base import (
    Accepted,
    Amount,
    BasisPoints,
    Event,
    Id,
    Millis,
    Quantity,
    Reason,
    Sha256,
    Text,
)
from schemas.catalogue import Delivery
from schemas.money import Currency
from schemas.policy import Policy
from schemas.postings import Leg
from schemas.reasons import Refusal
from schemas.tariff import Tariff


class GrantIssued(Event):
    """`revision` of the data set is what it opens, or with `follows_revisions` always the
    newest; `licences` is how many equal rights this one is: so many seats, or copies.
    """

    id: Id
    trade_id: Id
    listing_id: Id
    data_set_id: Id
    content_sha256: Sha256
    supplier_id: Id
    buyer_id: Id
    policy: Policy
    tariff: Tariff | None = None
    expires_at_ms: Millis | None = None
    currency: Currency | None = None
    buyer_fee_bps: BasisPoints = 0
    seller_fee_bps: BasisPoints = 0
    treasury_bps: BasisPoints = 0
    purpose: Text = ""
    revision: Quantity = 1
    follows_revisions: bool = False
    licences: Quantity = 1
    accepted_sha256: Accepted = ""


class _OfGrant(Event):
    grant_id: Id
    buyer_id: Id


class GrantSuspended(_OfGrant):
    reason: Reason
    id: Id | None = None


class GrantResumed(_OfGrant):
    id: Id | None = None


class GrantExhausted(_OfGrant): ...


class GrantExpired(_OfGrant): ...


class GrantRevoked(_OfGrant):
    """Ended before its time: by the operator, or given back by its buyer."""

    reason: Reason
    id: Id | None = None


class UsageRecorded(Event):
    """`used_total` is the grant's one counter, this use included: billed units and the policy's
    `count`.
    """

    id: Id
    grant_id: Id
    buyer_id: Id
    quantity: Quantity
    used_total: Quantity
    purpose: Text = ""
    spatial: Text = ""
    delivery: Delivery | None = None


class UsageCharged(Event):
    """What the use of this id cost: `charge_minor` by the tariff, `fee_minor` the buyer's fee on
    top.
    """

    usage_id: Id
    grant_id: Id
    buyer_id: Id
    currency: Currency
    charge_minor: Amount
    fee_minor: Amount
    charged_total_minor: Amount
    legs: tuple[Leg, ...]


class UsageRefused(Event):
    id: Id
    grant_id: Id
    buyer_id: Id
    quantity: Quantity
    reason: Refusal
    detail: Text = ""
