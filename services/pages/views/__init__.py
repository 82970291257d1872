"""Every page: the one table, by address behind the language."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import Response

from services.pages.page import Visit
from services.pages.views import (
    access,
    auctions,
    catalogue,
    home,
    market,
    mine,
    parties,
    trades,
    trail,
)

VIEWS: Final[dict[str, Callable[[Visit], Awaitable[Response]]]] = {
    "": home.home,
    "sign-in": home.sign_in,
    "sign-out": home.sign_out,
    "listings": catalogue.listings,
    "listings/{listing_id}": catalogue.listing,
    "listings/{listing_id}/trace": trades.trace,
    "publish": catalogue.publish,
    "review": catalogue.review,
    "auctions": auctions.auctions,
    "auctions/{auction_id}": auctions.auction,
    "auctions/{auction_id}/panel": auctions.panel,
    "auctions/{auction_id}/confirmation": auctions.confirmation,
    "access-requests": access.requests,
    "access-requests/{access_id}": access.request,
    "trades": trades.trades,
    "trades/{trade_id}": trades.trade,
    "grants": mine.grants,
    "grants/{grant_id}": mine.grant,
    "grants/{grant_id}/credential": mine.credential,
    "grants/{grant_id}/content": mine.content,
    "money": mine.money,
    "parties": parties.parties,
    "parties/{party_id}": parties.party,
    "market": market.market,
    "alerts": market.alerts,
    "trail": trail.head,
    "trail/{position}": trail.entry,
}
# These take forms of their own, beside those of `ACTIONS`.
POSTED: Final = frozenset(
    {
        "sign-in",
        "sign-out",
        "publish",
        "grants/{grant_id}/content",
        "auctions/{auction_id}/confirmation",
    }
)
