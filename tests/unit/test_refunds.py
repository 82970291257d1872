"""Refunds and payouts: who gives back how much, never more than is left, nothing half-done."""

import pytest

from market.refund import ENDED_MAX, Receipt, Receipts, ended_effect, shares
from schemas import commands as c
from schemas.base import Event
from schemas.parties import PartyKind
from schemas.postings import Purse
from tests.builders.market import AT_AUCTION, FREE, METERED, OPERATOR, T0, Market, kinds

HOUR_MS = 3_600_000


def give_back(market: Market, grant_id: str, amount_minor: int, id: str = "") -> list[Event]:
    return market.say(
        c.Refund(
            id=id or market.id("trf"),
            at_ms=T0 + HOUR_MS,
            grant_id=grant_id,
            operator_id=OPERATOR,
            amount_minor=amount_minor,
            reason="the columns were not as described",
        )
    )


def pay_out(market: Market, purse: Purse, amount_minor: int, currency: str = "CNY") -> list[Event]:
    return market.say(
        c.PayOut(
            id=market.id("trf"),
            at_ms=T0,
            operator_id=OPERATOR,
            purse=purse,
            currency=currency,
            amount_minor=amount_minor,
            reference="bank transfer 17",
        )
    )


def sold(kind: PartyKind = PartyKind.PUBLIC_SERVICE) -> tuple[Market, str, str, str]:
    """A sale for 100.00 and 1.00 fee: 3.00 to the venue, 49.00 each to supplier and treasury."""
    market = Market(buyer_fee_bps=100, seller_fee_bps=200)
    seller = market.supplier(kind=kind)
    anna = market.buyer("anna", money=100_000)
    listing_id = market.listing(seller, AT_AUCTION)
    auction_id = market.auction(seller, listing_id, start_price_minor=10_000)
    market.bid(auction_id, anna, 50_000)
    market.until(T0 + HOUR_MS)
    (grant_id,) = market.venue.settlement.grants
    return market, seller, anna, grant_id


def test_a_whole_refund_takes_from_each_what_it_received() -> None:
    market, seller, anna, grant_id = sold()
    (posted,) = give_back(market, grant_id, 10_100)
    assert [(leg.account, leg.amount_minor) for leg in posted.legs] == [
        (f"{seller}/CNY/available", -4_900),
        ("treasury/CNY/proceeds", -4_900),
        ("venue/CNY/fees", -300),
        (f"{anna}/CNY/available", 10_100),
    ]
    assert (posted.kind, posted.party_id, posted.cause_id) == ("refund", anna, grant_id)
    assert market.balance(f"{anna}/CNY/available") == 100_000
    assert market.balance("external/CNY/external") == -100_000


def test_a_part_is_taken_in_proportion_of_what_each_still_has() -> None:
    market, seller, _, grant_id = sold()
    give_back(market, grant_id, 101)
    assert market.balance("venue/CNY/fees") == 300 - 3
    assert market.balance("treasury/CNY/proceeds") == 4_900 - 49
    assert market.balance(f"{seller}/CNY/available") == 4_900 - 49


@pytest.mark.parametrize(
    ("has", "amount", "gives"),
    [  # (supplier, treasury, fees) -> (fees, treasury, supplier)
        ((4_900, 4_900, 300), 10_100, (300, 4_900, 4_900)),
        ((9_800, 0, 300), 101, (3, 0, 98)),
        ((0, 9_800, 300), 101, (3, 98, 0)),
        ((0, 0, 300), 7, (7, 0, 0)),
        ((1, 1, 1), 1, (0, 0, 1)),
        ((1, 1, 1), 2, (1, 0, 1)),
        ((3, 1, 0), 2, (0, 0, 2)),
        ((1, 3, 0), 2, (0, 2, 0)),
        ((0, 0, 1), 1, (1, 0, 0)),
    ],
)
def test_a_refund_is_split_in_two_half_even_roundings(
    has: tuple[int, int, int], amount: int, gives: tuple[int, int, int]
) -> None:
    supplier, treasury, fees = has
    receipt = Receipt(
        buyer_id="pty_anna",
        currency="CNY",
        supplier_minor=supplier,
        treasury_minor=treasury,
        fees_minor=fees,
    )
    assert shares(receipt, amount) == gives


def test_nobody_ever_gives_back_more_than_it_has_of_it() -> None:
    for supplier in range(8):
        for treasury in range(8):
            for fees in range(8):
                receipt = Receipt(
                    buyer_id="pty_anna",
                    currency="CNY",
                    supplier_minor=supplier,
                    treasury_minor=treasury,
                    fees_minor=fees,
                )
                for amount in range(1, receipt.total_minor + 1):
                    given = shares(receipt, amount)
                    assert sum(given) == amount
                    assert all(
                        0 <= share <= most
                        for share, most in zip(given, (fees, treasury, supplier), strict=True)
                    )


def test_more_than_is_left_is_refused() -> None:
    market, _, anna, grant_id = sold()
    assert give_back(market, grant_id, 10_101)[0].reason == "refund_exceeds_paid"
    give_back(market, grant_id, 10_000)
    assert give_back(market, grant_id, 101)[0].reason == "refund_exceeds_paid"
    assert kinds(give_back(market, grant_id, 100)) == ["TransferPosted"]
    assert give_back(market, grant_id, 1)[0].reason == "refund_exceeds_paid"
    assert market.balance(f"{anna}/CNY/available") == 100_000


def test_what_was_free_or_never_was_is_not_refunded() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna")
    market.request(market.listing(seller, FREE), anna)
    (grant_id,) = market.venue.settlement.grants
    assert give_back(market, grant_id, 1)[0].reason == "nothing_paid"
    assert give_back(market, "grt_nowhere", 1)[0].reason == "nothing_paid"


def spend(market: Market, party_id: str, amount_minor: int) -> list[Event]:
    return market.say(
        c.Withdraw(
            id=market.id("trf"),
            at_ms=T0 + HOUR_MS,
            party_id=party_id,
            currency="CNY",
            amount_minor=amount_minor,
        )
    )


@pytest.mark.parametrize("who", ["supplier", "treasury", "venue"])
def test_a_receiver_without_the_funds_leaves_everything_as_it_was(who: str) -> None:
    market, seller, _, grant_id = sold()
    match who:
        case "supplier":
            assert kinds(spend(market, seller, 4_900)) == ["TransferPosted"]
        case "treasury":
            assert kinds(pay_out(market, Purse.TREASURY, 4_900)) == ["TransferPosted"]
        case "venue":
            assert kinds(pay_out(market, Purse.VENUE_FEES, 300)) == ["TransferPosted"]
    before = dict(market.venue.settlement.ledger.balances)
    assert give_back(market, grant_id, 5_000)[0].reason == "insufficient_funds"
    assert market.venue.settlement.ledger.balances == before


def test_metered_use_is_refunded_from_what_was_charged_and_not_from_the_budget() -> None:
    market = Market(buyer_fee_bps=1_000)
    seller, anna = market.supplier(), market.buyer("anna", money=1_000)
    market.subscribe(market.listing(seller, METERED), anna, 500)
    (grant_id,) = market.venue.settlement.grants
    assert give_back(market, grant_id, 1)[0].reason == "nothing_paid"
    market.use(grant_id, anna, 3)
    assert give_back(market, grant_id, 166)[0].reason == "refund_exceeds_paid"
    assert kinds(give_back(market, grant_id, 165)) == ["TransferPosted"]
    assert market.balance(f"{grant_id}/CNY/prepaid") == 500 - 165
    assert market.balance(f"{anna}/CNY/available") == 500 + 165
    market.use(grant_id, anna, 1)
    assert kinds(give_back(market, grant_id, 55)) == ["TransferPosted"]


def test_a_grant_stays_refundable_after_its_end() -> None:
    market, _, anna, grant_id = sold()
    market.say(c.EndGrant(id="cmd_end001", at_ms=T0 + HOUR_MS, grant_id=grant_id, buyer_id=anna))
    assert not market.venue.settlement.grants
    assert kinds(give_back(market, grant_id, 10_100)) == ["TransferPosted"]


def test_only_the_newest_ended_grants_stay_refundable() -> None:
    receipt = Receipt(buyer_id="pty_anna", currency="CNY", fees_minor=1)
    ids = [f"grt_{number:06}" for number in range(ENDED_MAX + 2)]
    receipts = Receipts(by_grant=dict.fromkeys(ids, receipt))
    for id in ids[: ENDED_MAX + 1]:
        ended_effect(receipts, id)
    assert ids[0] not in receipts.by_grant
    assert receipts.by_grant.keys() == set(ids[1:]), "one that has not ended stays in any case"
    ended_effect(receipts, "grt_free_of_charge")
    assert receipts.ended == ids[1 : ENDED_MAX + 1]


def test_the_same_refund_again_changes_nothing_and_another_under_its_id_is_refused() -> None:
    market, _, anna, grant_id = sold()
    give_back(market, grant_id, 500, id="trf_again1")
    assert give_back(market, grant_id, 500, id="trf_again1") == []
    conflict = give_back(market, grant_id, 501, id="trf_again1")
    assert conflict[0].reason == "id_reused_with_other_content"
    assert market.balance(f"{anna}/CNY/available") == 100_000 - 10_100 + 500


def test_a_refused_refund_that_is_said_again_stays_refused_for_its_first_reason() -> None:
    """Its own reason, in words, is no reason of a refusal."""
    market, _, _, grant_id = sold()
    (refused,) = give_back(market, grant_id, 10**9, id="trf_again1")
    assert refused.reason == "refund_exceeds_paid"
    assert give_back(market, grant_id, 10**9, id="trf_again1") == []


def test_fees_and_treasury_are_paid_out_by_the_operator_up_to_what_is_there() -> None:
    market, _, _, _ = sold()
    assert pay_out(market, Purse.VENUE_FEES, 301)[0].reason == "insufficient_funds"
    assert pay_out(market, Purse.TREASURY, 4_901)[0].reason == "insufficient_funds"
    assert pay_out(market, Purse.TREASURY, 1, "USD")[0].reason == "insufficient_funds"
    (fees,) = pay_out(market, Purse.VENUE_FEES, 300)
    assert [(leg.account, leg.amount_minor) for leg in fees.legs] == [
        ("venue/CNY/fees", -300),
        ("external/CNY/external", 300),
    ]
    assert (fees.kind, fees.party_id) == ("payout", OPERATOR)
    (treasury,) = pay_out(market, Purse.TREASURY, 4_900)
    assert treasury.legs[0].account == "treasury/CNY/proceeds"
    assert market.balance("venue/CNY/fees") == market.balance("treasury/CNY/proceeds") == 0


def test_a_supplier_withdraws_its_proceeds_and_no_more() -> None:
    market, seller, _, _ = sold()
    assert spend(market, seller, 4_901)[0].reason == "insufficient_funds"
    assert kinds(spend(market, seller, 4_900)) == ["TransferPosted"]
    assert market.balance(f"{seller}/CNY/available") == 0
