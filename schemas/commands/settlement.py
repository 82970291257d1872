"""Commands that settlement decides: parties, money, grants, time."""

from typing import Annotated

from msgspec import Meta

from schemas.auctions import FurtherLicences
from schemas.base import (
    Accepted,
    Command,
    Id,
    Millis,
    Name,
    Nonce,
    OptionalNonce,
    PositiveAmount,
    Quantity,
    Reason,
    Text,
)
from schemas.catalogue import Delivery
from schemas.money import Currency
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.postings import Purse


class OpenVenue(Command):
    """Set the terms the venue serves on from now; trades already funded keep theirs."""

    operator_id: Id
    terms: VenueTerms


class RegisterParty(Command):
    """`controller_id` names the body that controls this party, if any."""

    name: Name
    kind: PartyKind
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)]
    credit_code: Annotated[str, Meta(max_length=18)] = ""
    controller_id: Id | None = None


class VerifyParty(Command):
    """The party is who it says (统一身份认证): by which method, and where the evidence is kept."""

    party_id: Id
    operator_id: Id
    method: Name
    evidence: Name


class ApproveParty(Command):
    party_id: Id
    operator_id: Id


class SuspendParty(Command):
    """No new bids, subscriptions, requests, listings or uses; what it holds goes on."""

    party_id: Id
    operator_id: Id
    reason: Reason


class ResumeParty(Command):
    party_id: Id
    operator_id: Id


class ChangeController(Command):
    """Another body controls this party from now on, or none."""

    party_id: Id
    operator_id: Id
    controller_id: Id | None = None


class Deposit(Command):
    """Money received from outside for a party; `reference` names the payment it came by."""

    party_id: Id
    operator_id: Id
    currency: Currency
    amount_minor: PositiveAmount
    reference: Name


class Withdraw(Command):
    party_id: Id
    currency: Currency
    amount_minor: PositiveAmount


class PayOut(Command):
    """The venue's fees or the treasury's proceeds leave the books; `reference` names the payment
    they left by.
    """

    operator_id: Id
    purse: Purse
    currency: Currency
    amount_minor: PositiveAmount
    reference: Name


class PlaceBid(Command):
    """`max_price_minor` is the most the bidder pays for the first licence; nobody else sees it
    before the end.

    `further_minor` is what each further licence is worth at most, never rising. `release_nonce`
    goes into the record that releases the bid's money, whose amount its hash must not tell.
    """

    auction_id: Id
    bidder_id: Id
    currency: Currency
    max_price_minor: PositiveAmount
    nonce: Nonce
    further_minor: FurtherLicences = ()
    accepted_sha256: Accepted = ""
    release_nonce: OptionalNonce = ""


class Subscribe(Command):
    """Take out metered use with a prepaid budget; each use is paid from it at once."""

    listing_id: Id
    buyer_id: Id
    currency: Currency
    budget_minor: PositiveAmount
    purpose: Text = ""
    accepted_sha256: Accepted = ""


class TopUpGrant(Command):
    grant_id: Id
    buyer_id: Id
    currency: Currency
    amount_minor: PositiveAmount


class EndGrant(Command):
    """The buyer gives the grant back; what is left prepaid returns to the buyer."""

    grant_id: Id
    buyer_id: Id


class SuspendGrant(Command):
    grant_id: Id
    operator_id: Id
    reason: Reason


class ResumeGrant(Command):
    grant_id: Id
    operator_id: Id


class RevokeGrant(Command):
    grant_id: Id
    operator_id: Id
    reason: Reason


class Refund(Command):
    """The operator gives the buyer back some of what was paid for a grant, fees included."""

    grant_id: Id
    operator_id: Id
    amount_minor: PositiveAmount
    reason: Reason


class RecordUsage(Command):
    """`quantity` is in the unit of the grant's tariff: calls, rows or bytes."""

    grant_id: Id
    buyer_id: Id
    quantity: Quantity
    purpose: Text = ""
    spatial: Text = ""
    delivery: Delivery | None = None


class TimePassed(Command):
    """The deadline `due_ms` has come. The only way a deadline fires."""

    due_ms: Millis


FundedRequest = PlaceBid | Subscribe
SettlementCommand = (
    OpenVenue
    | RegisterParty
    | VerifyParty
    | ApproveParty
    | SuspendParty
    | ResumeParty
    | ChangeController
    | Deposit
    | Withdraw
    | PayOut
    | PlaceBid
    | Subscribe
    | TopUpGrant
    | EndGrant
    | SuspendGrant
    | ResumeGrant
    | RevokeGrant
    | Refund
    | RecordUsage
    | TimePassed
)
