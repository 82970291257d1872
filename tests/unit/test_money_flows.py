"""Money: reserved, released, paid out and prepaid, to the cent."""

import pytest

from market import grant
from schemas import commands as c
from schemas.base import INTEGER_MAX
from schemas.envelope import decode_message, encode
from schemas.events import InstructionRefused, TransferPosted, UsageRefused
from schemas.parties import PartyKind
from schemas.policy import Constraint, Permission, Policy
from tests.builders.market import AT_AUCTION, FREE, METERED, OPERATOR, T0, Market, kinds

HOUR_MS = 3_600_000


def ten_uses() -> Policy:
    limit = Constraint(left_operand="count", operator="lteq", right_operand=10)
    return Policy(permissions=(Permission(action="use", constraints=(limit,)),))


def auction_market(**terms: int) -> tuple[Market, str, str]:
    market = Market(**terms)
    seller = market.supplier()
    anna = market.buyer("anna", money=100_000)
    return market, anna, market.auction(seller, market.listing(seller, AT_AUCTION))


def test_a_bid_locks_its_maximum_with_the_buyers_fee() -> None:
    market, anna, auction_id = auction_market(buyer_fee_bps=100)
    market.bid(auction_id, anna, 50_000)
    assert market.balance(f"{anna}/CNY/reserved") == 50_500
    assert market.balance(f"{anna}/CNY/available") == 49_500


def test_raising_a_bid_locks_only_the_difference() -> None:
    market, anna, auction_id = auction_market()
    market.bid(auction_id, anna, 50_000)
    market.bid(auction_id, anna, 70_000)
    assert market.balance(f"{anna}/CNY/reserved") == 70_000


def test_a_bid_beyond_the_balance_is_refused_on_the_bids_topic_too() -> None:
    market, anna, auction_id = auction_market(buyer_fee_bps=100)
    happened = market.bid(auction_id, anna, 100_000)
    assert kinds(happened) == ["FundsRefused", "BidRejected"]
    assert happened[1].reason == "insufficient_funds"
    assert market.balance(f"{anna}/CNY/available") == 100_000


@pytest.mark.parametrize(
    ("kind", "supplier", "treasury"),
    [
        (PartyKind.ENTERPRISE, 9_800, 0),
        (PartyKind.GOVERNMENT, 0, 9_800),
        (PartyKind.PUBLIC_SERVICE, 4_900, 4_900),
    ],
)
def test_a_sale_pays_supplier_venue_and_treasury(
    kind: PartyKind, supplier: int, treasury: int
) -> None:
    market = Market(buyer_fee_bps=100, seller_fee_bps=200)
    seller = market.supplier(kind=kind)
    anna = market.buyer("anna", money=100_000)
    auction_id = market.auction(
        seller, market.listing(seller, AT_AUCTION), start_price_minor=10_000
    )
    market.bid(auction_id, anna, 50_000)
    happened = kinds(market.until(T0 + HOUR_MS))
    assert happened[-4:] == ["TradeExecuted", "TransferPosted", "FundsReleased", "GrantIssued"]
    assert market.balance(f"{anna}/CNY/available") == 100_000 - 10_000 - 100
    assert market.balance(f"{anna}/CNY/reserved") == 0
    assert market.balance(f"{seller}/CNY/available") == supplier
    assert market.balance("treasury/CNY/proceeds") == treasury
    assert market.balance("venue/CNY/fees") == 100 + 200


def test_shares_add_up_and_never_fall_as_the_price_grows() -> None:
    before = (0, 0, 0)
    for price in range(3_000):
        shares = grant.split(price, 333, 5_000)
        assert sum(shares) == price
        assert all(now >= then for now, then in zip(shares, before, strict=True))
        before = shares


def test_withdrawing_more_than_is_available_is_refused() -> None:
    market, anna, auction_id = auction_market()
    market.bid(auction_id, anna, 60_000)
    command = c.Withdraw(
        id="trf_out001", at_ms=T0, party_id=anna, currency="CNY", amount_minor=40_001
    )
    assert market.say(command)[0].reason == "insufficient_funds"
    less = c.Withdraw(id="trf_out002", at_ms=T0, party_id=anna, currency="CNY", amount_minor=40_000)
    assert kinds(market.say(less)) == ["TransferPosted"]
    assert market.balance("external/CNY/external") == -60_000


def test_the_same_deposit_again_changes_nothing_and_another_under_its_id_is_refused() -> None:
    market, anna, _ = auction_market()
    first = market.deposit(anna, 500, id="trf_again1")
    assert isinstance(first[0], TransferPosted)
    assert market.deposit(anna, 500, id="trf_again1") == []
    conflict = market.deposit(anna, 501, id="trf_again1")
    assert isinstance(conflict[0], InstructionRefused)
    assert conflict[0].reason == "id_reused_with_other_content"
    assert market.deposit(anna, 500, id="trf_again1") == []
    assert market.balance(f"{anna}/CNY/available") == 100_500


def test_deposit_for_nobody_or_in_a_currency_not_kept_is_refused() -> None:
    market = Market()
    assert market.deposit("pty_nobody", 500)[0].reason == "party_unknown"
    anna = market.buyer("anna")
    odd = c.Deposit(
        id="trf_odd001",
        at_ms=T0,
        party_id=anna,
        operator_id=OPERATOR,
        currency="THB",
        amount_minor=5,
        reference="x",
    )
    assert market.say(odd)[0].reason == "currency_not_accepted"


def test_free_access_is_a_trade_and_a_grant_without_money() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna")
    happened = market.request(market.listing(seller, FREE), anna)
    assert kinds(happened) == ["AccessRequested", "TradeExecuted", "GrantIssued"]


def test_metered_use_is_paid_from_the_prepaid_budget_and_ends_when_it_is_used_up() -> None:
    market = Market(buyer_fee_bps=1_000)
    seller, anna = market.supplier(), market.buyer("anna", money=1_000)
    market.subscribe(market.listing(seller, METERED), anna, 120)
    (grant_id,) = market.venue.settlement.grants
    assert market.balance(f"{grant_id}/CNY/prepaid") == 120
    assert kinds(market.use(grant_id, anna)) == ["UsageRecorded", "UsageCharged"]
    assert kinds(market.use(grant_id, anna)) == ["UsageRecorded", "UsageCharged"]
    assert market.balance(f"{grant_id}/CNY/prepaid") == 120 - 110
    assert kinds(market.use(grant_id, anna)) == ["UsageRefused", "GrantSuspended"]
    assert market.use(grant_id, anna)[0].reason == "grant_suspended"
    top_up = c.TopUpGrant(
        id="trf_topup1",
        at_ms=T0,
        grant_id=grant_id,
        buyer_id=anna,
        currency="CNY",
        amount_minor=100,
    )
    assert kinds(market.say(top_up)) == ["TransferPosted", "GrantResumed"]
    assert "UsageCharged" in kinds(market.use(grant_id, anna))
    end = c.EndGrant(id="cmd_end001", at_ms=T0, grant_id=grant_id, buyer_id=anna)
    assert kinds(market.say(end)) == ["GrantRevoked", "TransferPosted"]
    assert market.balance(f"{anna}/CNY/available") == 1_000 - 3 * 55
    assert market.use(grant_id, anna)[0].reason == "grant_unknown"


def test_the_same_use_again_is_free_and_another_under_its_id_is_a_conflict() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=1_000)
    market.subscribe(market.listing(seller, METERED), anna, 1_000)
    (grant_id,) = market.venue.settlement.grants
    market.use(grant_id, anna, 2, id="usg_same01")
    assert market.use(grant_id, anna, 2, id="usg_same01") == []
    assert market.use(grant_id, anna, 3, id="usg_same01")[0].reason == (
        "id_reused_with_other_content"
    )
    assert market.balance(f"{grant_id}/CNY/prepaid") == 900


def test_use_up_to_the_count_of_the_policy_exhausts_the_grant_and_returns_the_rest() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=1_000)
    market.subscribe(market.listing(seller, METERED, policy=ten_uses()), anna, 1_000)
    (grant_id,) = market.venue.settlement.grants
    denied = market.use(grant_id, anna, 11)[0]
    assert isinstance(denied, UsageRefused)
    assert (denied.reason, denied.detail) == ("policy_denies", "count_lteq")
    assert kinds(market.use(grant_id, anna, 10)) == [
        "UsageRecorded",
        "UsageCharged",
        "GrantExhausted",
        "TransferPosted",
    ]
    assert market.balance(f"{anna}/CNY/available") == 500


def test_a_grant_expires_at_its_time_and_returns_the_rest() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=1_000)
    market.subscribe(market.listing(seller, METERED, lasts_ms=5_000), anna, 400)
    (grant_id,) = market.venue.settlement.grants
    assert market.use(grant_id, anna, at_ms=T0 + 5_000)[0].reason == "grant_expired"
    assert "GrantExpired" in kinds(market.until(T0 + 5_000))
    assert market.balance(f"{anna}/CNY/available") == 1_000


def test_use_by_another_than_the_buyer_is_refused() -> None:
    market = Market()
    seller, anna, bo = market.supplier(), market.buyer("anna"), market.buyer("bole")
    market.request(market.listing(seller, FREE), anna)
    (grant_id,) = market.venue.settlement.grants
    assert market.use(grant_id, bo)[0].reason == "not_owner"


def test_subscription_to_what_is_not_metered_gets_its_budget_back() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna", money=1_000)
    happened = market.subscribe(market.listing(seller, FREE), anna, 400)
    assert kinds(happened) == ["FundsReserved", "SubscriptionRejected", "FundsReleased"]
    assert market.balance(f"{anna}/CNY/available") == 1_000


def test_a_command_older_than_the_memory_is_refused_as_stale() -> None:
    market, anna, auction_id = auction_market()
    market.until(T0 + 2 * HOUR_MS)
    market.bid(auction_id, anna, 5_000, at_ms=T0 + 2 * HOUR_MS)
    market.until(T0 + 3 * HOUR_MS)
    assert market.deposit(anna, 1)[0].reason == "command_too_old"


def test_numbers_stay_within_what_the_log_can_be_read_back_with() -> None:
    market = Market()
    seller, anna = market.supplier(), market.buyer("anna")
    events = market.request(market.listing(seller, FREE, lasts_ms=INTEGER_MAX), anna)
    assert events[-1].expires_at_ms == INTEGER_MAX
    events += market.use(events[-1].id, anna, INTEGER_MAX)
    events += market.use(events[2].id, anna, 1)
    assert (type(events[-1]), events[-1].reason) == (UsageRefused, "usage_limit_exceeded")
    for event in events:
        assert decode_message(encode(event)) == event
