"""What is sealed, and until when."""

import pytest

from market.sealing import Endings, is_sealed, sealed_for
from schemas import commands as c
from schemas.auctions import Relist
from schemas.envelope import encode
from schemas.events import FundsReleased
from tests.builders.auctions import HOUR_MS, House, dutch, only, sealed_second, uniform
from tests.builders.market import METERED, NONCE, T0, Market

AGAIN = Relist(times_max=1, after_ms=60_000, lasts_ms=60_000, price_bps=8_000)
NUMBERS = ("78901", "56789", "45678")  # the maxima and the reserve below


def told(house: Market) -> Endings:
    endings = Endings()
    for message, _ in house.log:
        endings.note(message)
    return endings


def sealed_kinds(house: Market) -> set[str]:
    after = told(house).after
    return {type(message).__name__ for message, _ in house.log if is_sealed(message, after)}


def contested(**terms: object) -> House:
    house = House(sealed_second(reserve_price_minor=45_678, reserve_hidden=True, **terms))
    house.offer(house.anna, 78_901)
    house.offer(house.bo, 56_789)
    house.offer(house.anna, 56_789)
    return house


def test_every_record_that_tells_an_amount_is_sealed_while_the_auction_runs() -> None:
    house = contested()
    after = told(house).after
    assert sealed_kinds(house) == {
        "OpenAuction", "AuctionOpened", "PlaceBid", "FundsReserved", "BidPlaced", "FundsReleased",
    }  # fmt: skip
    for message, _ in house.log:
        if not is_sealed(message, after):
            assert not any(number in encode(message).decode() for number in NUMBERS), message


def test_after_the_end_nothing_is_sealed() -> None:
    for end in (House.close, House.cancel):
        house = contested()
        end(house)
        assert sealed_kinds(house) == set()


def test_an_auction_that_is_opened_again_has_not_ended() -> None:
    house = House(sealed_second(reserve_price_minor=99_999, reserve_hidden=True, relist=AGAIN))
    house.offer(house.anna, 78_901)
    before = sealed_kinds(house)
    house.close()
    assert sealed_kinds(house) == before | {"FundsReleased"}
    house.until(T0 + 2 * HOUR_MS)
    assert sealed_kinds(house) == set()


def test_a_dutch_bid_is_open_at_once_and_a_refused_bid_when_the_auction_ends() -> None:
    house = House(dutch())
    house.offer(house.anna, 500)
    assert sealed_kinds(house) == {"PlaceBid", "FundsReserved", "FundsReleased"}
    house.offer(house.bo, 1_000)
    assert sealed_kinds(house) == set()


def test_a_refused_bid_for_several_licences_is_sealed_too() -> None:
    house = House(uniform(2))
    house.units(house.buyer("poor"), 78_901, 56_789)
    assert sealed_kinds(house) == {"PlaceBid", "FundsRefused"}


def test_what_was_never_opened_stays_sealed() -> None:
    house = House()
    house.close()
    house.bid("auc_nowhere", house.anna, 78_901)
    assert sealed_kinds(house) == {"PlaceBid", "FundsReserved", "FundsReleased"}


def test_subscriptions_and_open_reserves_are_not_sealed() -> None:
    house = House(reserve_price_minor=5_000)
    house.subscribe(house.listing(house.seller, METERED), house.anna, 500)
    assert sealed_kinds(house) == set()


@pytest.mark.parametrize("nonce", ["a" * 32, ""], ids=["given", "older"])
@pytest.mark.parametrize("refused", [False, True])
def test_a_release_carries_the_nonce_of_its_bid(refused: bool, nonce: str) -> None:
    """Hashes of leaves are public: without a nonce an amount could be found by trying."""
    house = House()
    bid = c.PlaceBid(
        id="bid_with_both",
        at_ms=T0 + 2_000,
        auction_id="auc_nowhere" if refused else house.auction_id,
        bidder_id=house.chen,
        currency="CNY",
        max_price_minor=5_000,
        nonce=NONCE,
        release_nonce=nonce,
    )
    released = only(house.say(bid) + house.cancel(), FundsReleased)
    assert released.nonce == nonce
    assert (b"nonce" in encode(released)) == bool(nonce)
    assert sealed_for(released) == bid.auction_id
    assert house.venue.settlement.ledger.holds == {}
