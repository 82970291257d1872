"""Terms with a text to accept: who deals shows its hash, and trade and grant carry it."""

import pytest

from schemas import commands as c
from schemas.ids import text_sha256
from tests.builders.market import AT_AUCTION, FREE, METERED, NONCE, T0, Market

LICENCE = "Use it for research. 仅限研究使用。"


class Shop(Market):
    def __init__(self, acceptance: str = LICENCE) -> None:
        super().__init__()
        self.seller = self.supplier()
        self.anna = self.buyer("anna", money=100_000)
        self.acceptance = acceptance

    def ask(self, accepted: str) -> list:
        about = {"listing_id": self.listing(self.seller, FREE, acceptance=self.acceptance)}
        return self.say(
            c.RequestAccess(
                id=self.id("acc"), at_ms=T0, buyer_id=self.anna, accepted_sha256=accepted, **about
            )
        )

    def subscribe_to(self, accepted: str) -> list:
        about = {"listing_id": self.listing(self.seller, METERED, acceptance=self.acceptance)}
        return self.say(
            c.Subscribe(
                id=self.id("sub"),
                at_ms=T0,
                buyer_id=self.anna,
                currency="CNY",
                budget_minor=500,
                accepted_sha256=accepted,
                **about,
            )
        )

    def bid_on(self, accepted: str) -> list:
        listing_id = self.listing(self.seller, AT_AUCTION, acceptance=self.acceptance)
        placed = self.say(
            c.PlaceBid(
                id=self.id("bid"),
                at_ms=T0 + 1_000,
                auction_id=self.auction(self.seller, listing_id),
                bidder_id=self.anna,
                currency="CNY",
                max_price_minor=5_000,
                nonce=NONCE,
                accepted_sha256=accepted,
            )
        )
        return [*placed, *self.until(T0 + 3_600_000)]


DEALS = ("ask", "subscribe_to", "bid_on")


def reasons(events: list) -> list[str]:
    return [event.reason for event in events if hasattr(event, "reason")]


@pytest.mark.parametrize("deal", DEALS)
@pytest.mark.parametrize("accepted", ["", text_sha256("another text")])
def test_without_the_right_hash_nothing_is_dealt(deal: str, accepted: str) -> None:
    shop = Shop()
    events = getattr(shop, deal)(accepted)
    assert "terms_not_accepted" in reasons(events)
    assert not [event for event in events if type(event).__name__ == "TradeExecuted"]
    assert shop.balance("pty_anna/CNY/reserved") == 0


@pytest.mark.parametrize("deal", DEALS)
def test_with_it_trade_and_grant_carry_it(deal: str) -> None:
    shop = Shop()
    carried = {
        type(event).__name__: event.accepted_sha256
        for event in getattr(shop, deal)(text_sha256(LICENCE))
        if type(event).__name__ in ("TradeExecuted", "GrantIssued")
    }
    assert carried == {
        "TradeExecuted": text_sha256(LICENCE),
        "GrantIssued": text_sha256(LICENCE),
    }


@pytest.mark.parametrize("deal", DEALS)
def test_where_nothing_is_to_be_accepted_nothing_is_carried(deal: str) -> None:
    events = getattr(Shop(acceptance=""), deal)("a" * 64)
    (grant,) = [event for event in events if type(event).__name__ == "GrantIssued"]
    assert grant.accepted_sha256 == ""


def test_the_hash_is_that_of_the_text_in_utf_8() -> None:
    assert text_sha256("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert text_sha256("") == ""
