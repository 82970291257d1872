"""Who may call what: the one table of roles, by method and path. A route without a row is
refused.
"""

from typing import Final

from schemas.parties import Role

PUBLIC: Final[frozenset[Role]] = frozenset()
ANYONE: Final = frozenset(Role)
BUYER: Final = frozenset({Role.BUYER})
SUPPLIER: Final = frozenset({Role.SUPPLIER})
TRADERS: Final = BUYER | SUPPLIER
OPERATOR: Final = frozenset({Role.OPERATOR})
OVERSIGHT: Final = frozenset({Role.OPERATOR, Role.REGULATOR})

ACCESS: Final[dict[tuple[str, str], frozenset[Role]]] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/v1/venue"): PUBLIC,
    ("GET", "/v1/keys"): PUBLIC,
    ("GET", "/v1/status-lists/{purpose}/{number}"): PUBLIC,
    ("GET", "/v1/stream"): PUBLIC,
    ("GET", "/v1/commands/{command_id}"): ANYONE,
    ("POST", "/v1/parties"): OPERATOR,
    ("GET", "/v1/parties"): OVERSIGHT,
    ("GET", "/v1/parties/{party_id}"): ANYONE,
    ("POST", "/v1/parties/{party_id}/verification"): OPERATOR,
    ("POST", "/v1/parties/{party_id}/approval"): OPERATOR,
    ("POST", "/v1/parties/{party_id}/suspension"): OPERATOR,
    ("POST", "/v1/parties/{party_id}/resumption"): OPERATOR,
    ("PUT", "/v1/parties/{party_id}/controller"): OPERATOR,
    ("GET", "/v1/me"): ANYONE,
    ("POST", "/v1/parties/{party_id}/tokens"): ANYONE,
    ("GET", "/v1/parties/{party_id}/tokens"): ANYONE,
    ("DELETE", "/v1/tokens/{token_id}"): ANYONE,
    ("POST", "/v1/parties/{party_id}/deposits"): OPERATOR,
    ("POST", "/v1/parties/{party_id}/withdrawals"): TRADERS,
    ("POST", "/v1/venue/payouts"): OPERATOR,
    ("GET", "/v1/parties/{party_id}/balances"): ANYONE,
    ("GET", "/v1/parties/{party_id}/statement"): ANYONE,
    ("POST", "/v1/data-sets"): SUPPLIER,
    ("GET", "/v1/data-sets/{data_set_id}"): PUBLIC,
    ("POST", "/v1/data-sets/{data_set_id}/revisions"): SUPPLIER,
    ("GET", "/v1/data-sets/{data_set_id}/revisions"): PUBLIC,
    ("POST", "/v1/listings"): SUPPLIER,
    ("GET", "/v1/listings"): PUBLIC,
    ("GET", "/v1/listings/{listing_id}"): PUBLIC,
    ("POST", "/v1/listings/{listing_id}/amendment"): SUPPLIER,
    ("POST", "/v1/listings/{listing_id}/submission"): SUPPLIER,
    ("POST", "/v1/listings/{listing_id}/review"): OPERATOR,
    ("POST", "/v1/listings/{listing_id}/suspension"): OPERATOR,
    ("POST", "/v1/listings/{listing_id}/resumption"): OPERATOR,
    ("POST", "/v1/listings/{listing_id}/withdrawal"): SUPPLIER,
    ("POST", "/v1/listings/{listing_id}/access-requests"): BUYER,
    ("GET", "/v1/access-requests"): ANYONE,
    ("GET", "/v1/access-requests/{access_id}"): ANYONE,
    ("POST", "/v1/access-requests/{access_id}/review"): OPERATOR,
    ("POST", "/v1/access-requests/{access_id}/decision"): SUPPLIER,
    ("POST", "/v1/access-requests/{access_id}/subscription"): OPERATOR,
    ("POST", "/v1/access-requests/{access_id}/challenge"): BUYER,
    ("POST", "/v1/access-requests/{access_id}/answer"): SUPPLIER,
    ("POST", "/v1/access-requests/{access_id}/evaluation"): BUYER,
    ("POST", "/v1/access-requests/{access_id}/withdrawal"): BUYER,
    ("GET", "/v1/escalations"): OVERSIGHT,
    ("GET", "/v1/calendar"): PUBLIC,
    ("POST", "/v1/calendar"): OPERATOR,
    ("POST", "/v1/listings/{listing_id}/subscriptions"): BUYER,
    ("POST", "/v1/listings/{listing_id}/auctions"): SUPPLIER,
    ("GET", "/v1/auctions"): PUBLIC,
    ("GET", "/v1/auctions/{auction_id}"): PUBLIC,
    ("GET", "/v1/auctions/{auction_id}/bids"): PUBLIC,
    ("POST", "/v1/auctions/{auction_id}/bids"): BUYER,
    ("POST", "/v1/auctions/{auction_id}/withdrawal"): SUPPLIER,
    ("POST", "/v1/auctions/{auction_id}/cancellation"): OPERATOR,
    ("POST", "/v1/auctions/{auction_id}/extension"): OPERATOR,
    ("GET", "/v1/bids"): BUYER,
    ("GET", "/v1/bids/{bid_id}"): BUYER,
    ("GET", "/v1/trades"): ANYONE,
    ("GET", "/v1/trades/{trade_id}"): ANYONE,
    ("GET", "/v1/grants"): ANYONE,
    ("GET", "/v1/grants/{grant_id}"): ANYONE,
    ("GET", "/v1/grants/{grant_id}/credential"): ANYONE,
    ("GET", "/v1/grants/{grant_id}/usage"): ANYONE,
    ("POST", "/v1/grants/{grant_id}/usage"): BUYER,
    ("POST", "/v1/grants/{grant_id}/deliveries"): BUYER,
    ("POST", "/v1/grants/{grant_id}/top-ups"): BUYER,
    ("POST", "/v1/grants/{grant_id}/end"): BUYER,
    ("POST", "/v1/grants/{grant_id}/suspension"): OPERATOR,
    ("POST", "/v1/grants/{grant_id}/resumption"): OPERATOR,
    ("POST", "/v1/grants/{grant_id}/revocation"): OPERATOR,
    ("POST", "/v1/grants/{grant_id}/refunds"): OPERATOR,
    ("GET", "/v1/audit/head"): PUBLIC,
    ("GET", "/v1/audit/consistency"): PUBLIC,
    ("GET", "/v1/audit/entries/{position}"): OVERSIGHT,
    ("GET", "/v1/audit/trial-balance"): OVERSIGHT,
}
SEES_ALL: Final = OVERSIGHT  # reads what belongs to any party
UNSCOPED: Final = ("me:",)  # the nouns that every token may ask for
