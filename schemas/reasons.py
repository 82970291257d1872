"""Why something was refused or ended: closed sets, so that every reason can be explained and
translated.
"""

from enum import StrEnum


class Refusal(StrEnum):
    """Reasons the rules refuse a command with."""

    ID_REUSED = "id_reused_with_other_content"
    STALE = "command_too_old"
    # parties
    PARTY_UNKNOWN = "party_unknown"
    PARTY_EXISTS = "party_exists"
    PARTY_NOT_APPROVED = "party_not_approved"
    PARTY_ALREADY_APPROVED = "party_already_approved"
    PARTY_NOT_VERIFIED = "party_not_verified"
    PARTY_SUSPENDED = "party_suspended"
    PARTY_NOT_SUSPENDED = "party_not_suspended"
    CONTROLLER_INVALID = "controller_invalid"
    ROLE_MISSING = "role_missing"
    NOT_OWNER = "not_owner"
    # money
    CURRENCY_NOT_ACCEPTED = "currency_not_accepted"
    CURRENCY_MISMATCH = "currency_mismatch"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    BALANCE_LIMIT = "balance_limit_exceeded"
    NOTHING_PAID = "nothing_paid"
    REFUND_EXCEEDS_PAID = "refund_exceeds_paid"
    # catalogue
    DATA_SET_UNKNOWN = "data_set_unknown"
    DATA_SET_EXISTS = "data_set_exists"
    DATA_SET_MISSING = "data_set_missing"
    CONTENT_UNCHANGED = "content_unchanged"
    LISTING_UNKNOWN = "listing_unknown"
    LISTING_EXISTS = "listing_exists"
    LISTING_NOT_LISTED = "listing_not_listed"
    LISTING_WRONG_STATUS = "listing_wrong_status"
    LISTING_HAS_BIDS = "listing_has_bids"
    EXPIRY_IN_PAST = "expiry_in_past"
    REVISION_UNKNOWN = "revision_unknown"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    OFFER_WRONG_MODE = "offer_wrong_mode"
    TARIFF_INVALID = "tariff_invalid"
    OWN_LISTING = "own_listing"
    CONTROLLED_BODY = "controlled_body"
    OPERATOR_MAY_NOT_TRADE = "operator_may_not_trade"
    # access
    ACCESS_UNKNOWN = "access_request_unknown"
    ACCESS_EXISTS = "access_request_exists"
    ACCESS_WRONG_STAGE = "access_request_wrong_stage"
    ACCESS_LIMIT = "too_many_open_access_requests"
    CHALLENGE_TOO_LATE = "challenge_too_late"
    CALENDAR_INVALID = "calendar_invalid"
    # auctions
    AUCTION_EXISTS = "auction_exists"
    AUCTION_ALREADY_RUNNING = "auction_already_running"
    AUCTION_NOT_OPEN = "auction_not_open"
    AUCTION_NOT_STARTED = "auction_not_started"
    AUCTION_HAS_BIDS = "auction_has_bids"
    AUCTION_TIMES_INVALID = "auction_times_invalid"
    AUCTION_TERMS_INVALID = "auction_terms_invalid"
    AUCTION_FULL = "auction_has_too_many_bidders"
    BID_BELOW_MINIMUM = "bid_below_minimum"
    BID_NOT_ABOVE_OWN = "bid_not_above_own_maximum"
    BID_DOES_NOT_FIT = "bid_does_not_fit_the_format"
    # grants and use
    GRANT_UNKNOWN = "grant_unknown"
    GRANT_NOT_METERED = "grant_not_metered"
    GRANT_SUSPENDED = "grant_suspended"
    GRANT_NOT_SUSPENDED = "grant_not_suspended"
    REASON_RESERVED = "reason_reserved"
    GRANT_EXPIRED = "grant_expired"
    USAGE_LIMIT = "usage_limit_exceeded"
    PREPAID_EXHAUSTED = "prepaid_exhausted"
    POLICY_DENIES = "policy_denies"


class Unsold(StrEnum):
    NO_BIDS = "no_bids"
    RESERVE_NOT_MET = "reserve_not_met"


class BidEnding(StrEnum):
    RESERVE_NOT_MET = "reserve_not_met"
    AUCTION_CANCELLED = "auction_cancelled"
    OUTBID = "outbid"
