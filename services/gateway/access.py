"""Who may call what: the one table of roles, by method and path. A route without a row is refused."""

from typing import Final

from schemas.parties import Role

B, S, O, R = Role.BUYER, Role.SUPPLIER, Role.OPERATOR, Role.REGULATOR
PUBLIC: Final[frozenset[Role]] = frozenset()
ANYONE: Final = frozenset(Role)

ACCESS: Final[dict[tuple[str, str], frozenset[Role]]] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/v1/venue"): PUBLIC,
    ("GET", "/v1/stream"): PUBLIC,
    ("GET", "/v1/commands/{command_id}"): ANYONE,
    ("POST", "/v1/parties"): frozenset({O}),
    ("GET", "/v1/parties"): frozenset({O, R}),
    ("GET", "/v1/parties/{party_id}"): ANYONE,
    ("POST", "/v1/parties/{party_id}/approval"): frozenset({O}),
    ("POST", "/v1/parties/{party_id}/tokens"): frozenset({O}),
    ("DELETE", "/v1/tokens/{token_id}"): frozenset({O}),
    ("POST", "/v1/parties/{party_id}/deposits"): frozenset({O}),
    ("POST", "/v1/parties/{party_id}/withdrawals"): frozenset({B, S}),
    ("GET", "/v1/parties/{party_id}/balances"): ANYONE,
    ("GET", "/v1/parties/{party_id}/statement"): ANYONE,
    ("POST", "/v1/data-sets"): frozenset({S}),
    ("GET", "/v1/data-sets/{data_set_id}"): PUBLIC,
    ("POST", "/v1/listings"): frozenset({S}),
    ("GET", "/v1/listings"): PUBLIC,
    ("GET", "/v1/listings/{listing_id}"): PUBLIC,
    ("POST", "/v1/listings/{listing_id}/submission"): frozenset({S}),
    ("POST", "/v1/listings/{listing_id}/review"): frozenset({O}),
    ("POST", "/v1/listings/{listing_id}/suspension"): frozenset({O}),
    ("POST", "/v1/listings/{listing_id}/resumption"): frozenset({O}),
    ("POST", "/v1/listings/{listing_id}/withdrawal"): frozenset({S}),
    ("POST", "/v1/listings/{listing_id}/access-requests"): frozenset({B}),
    ("POST", "/v1/listings/{listing_id}/subscriptions"): frozenset({B}),
    ("POST", "/v1/listings/{listing_id}/auctions"): frozenset({S}),
    ("GET", "/v1/auctions"): PUBLIC,
    ("GET", "/v1/auctions/{auction_id}"): PUBLIC,
    ("GET", "/v1/auctions/{auction_id}/bids"): PUBLIC,
    ("POST", "/v1/auctions/{auction_id}/bids"): frozenset({B}),
    ("POST", "/v1/auctions/{auction_id}/withdrawal"): frozenset({S}),
    ("POST", "/v1/auctions/{auction_id}/cancellation"): frozenset({O}),
    ("POST", "/v1/auctions/{auction_id}/extension"): frozenset({O}),
    ("GET", "/v1/bids"): frozenset({B}),
    ("GET", "/v1/bids/{bid_id}"): frozenset({B}),
    ("GET", "/v1/trades"): ANYONE,
    ("GET", "/v1/trades/{trade_id}"): ANYONE,
    ("GET", "/v1/grants"): ANYONE,
    ("GET", "/v1/grants/{grant_id}"): ANYONE,
    ("GET", "/v1/grants/{grant_id}/credential"): ANYONE,
    ("GET", "/v1/grants/{grant_id}/usage"): ANYONE,
    ("POST", "/v1/grants/{grant_id}/usage"): frozenset({B}),
    ("POST", "/v1/grants/{grant_id}/deliveries"): frozenset({B}),
    ("POST", "/v1/grants/{grant_id}/top-ups"): frozenset({B}),
    ("POST", "/v1/grants/{grant_id}/end"): frozenset({B}),
    ("POST", "/v1/grants/{grant_id}/suspension"): frozenset({O}),
    ("POST", "/v1/grants/{grant_id}/resumption"): frozenset({O}),
    ("POST", "/v1/grants/{grant_id}/revocation"): frozenset({O}),
    ("GET", "/v1/audit/head"): PUBLIC,
    ("GET", "/v1/audit/consistency"): PUBLIC,
    ("GET", "/v1/audit/entries/{position}"): frozenset({O, R}),
    ("GET", "/v1/audit/trial-balance"): frozenset({O, R}),
}
SEES_ALL: Final = frozenset({O, R})  # roles that read what belongs to any party
